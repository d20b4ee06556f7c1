"""Batch runs, dead letters and schemas, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field

from anabranch import App
from eventlog.errors import SchemaChangedError
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters, set_retried
from eventlog.registry.runs import Runs
from eventlog.registry.schemas import Schemas
from tests.contracts.leases import Clock


def test_a_run_is_told_from_its_start_to_its_end(database: Database) -> None:
    clock = Clock()
    runs = Runs(database, clock)
    run = runs.start("r1", full=True, pid=7)
    assert runs.get("r1") == run
    stages = [{"name": "archive", "done": 3, "total": 9, "seconds": 0.5}]
    run = replace(run, cut="0:9", stage="archive", stages=stages, events=9)
    runs.update(run)
    assert runs.get("r1") == run
    run = replace(run, report={"duration": {"version": 4, "promoted": True}})
    runs.update(run)
    assert runs.get("r1") == run
    clock.advance(5)
    run = runs.finish(run, "published", generation=4)
    assert runs.get("r1") == run
    assert (run.status, run.generation, run.stage) == ("published", 4, None)
    assert run.finished == run.started + 5_000_000


def test_runs_are_listed_newest_first_and_by_status(database: Database) -> None:
    clock = Clock()
    runs = Runs(database, clock)
    for name in ("r1", "r2", "r3"):
        clock.advance(1)
        runs.finish(runs.start(name, full=False, pid=None), "failed" if name == "r2" else "published")
    assert [run.id for run in runs.list()] == ["r3", "r2", "r1"]
    assert [run.id for run in runs.list(2)] == ["r3", "r2"]
    assert [run.id for run in runs.list(status="published")] == ["r3", "r1"]
    assert runs.get("r4") is None


def test_dead_letters_are_kept_as_they_came_and_paged_either_way(database: Database) -> None:
    clock = Clock()
    letters = DeadLetters(database, clock)
    errors: list[dict[str, Any]] = [{"field": "minutes", "message": "must be positive"}]
    ids = letters.add("rentals", [(b"\xff\x00%d" % number, errors) for number in range(5)])
    letters.add("others", [(b"{}", errors)])
    assert ids == sorted(ids)
    assert letters.add("rentals", []) == []
    first = letters.list("rentals", limit=2)
    assert [letter.body for letter in first] == [b"\xff\x000", b"\xff\x001"]
    assert (first[0].errors, first[0].received, first[0].retried) == (errors, clock(), None)
    assert [letter.id for letter in letters.list("rentals", after_id=first[-1].id)] == ids[2:]
    newest = letters.list("rentals", limit=2, newest=True)
    assert [letter.id for letter in newest] == ids[:2:-1]
    assert [letter.id for letter in letters.list("rentals", after_id=newest[-1].id, newest=True)] == ids[2::-1]


def test_a_retried_dead_letter_says_when_and_a_deleted_one_is_gone(database: Database) -> None:
    clock = Clock()
    letters = DeadLetters(database, clock)
    first, second, third = letters.add("rentals", [(b"{}", [])] * 3)
    clock.advance(9)
    with database.write() as connection:
        set_retried(connection, first, clock())
    letters.delete(second)
    found = letters.get(first)
    assert found is not None
    assert found.retried == clock()
    assert letters.get(second) is None
    assert [letter.id for letter in letters.list("rentals", retried=False)] == [third]
    assert letters.count("rentals") == 1


class Rental(BaseModel):
    """As first defined."""

    rental_id: str
    minutes: float = Field(ge=0)
    note: str | None = None


class Place(BaseModel):
    lat: float
    parts: list[Place] = []


def app_of(model: type[BaseModel], **roles: str) -> App:
    app = App("bikes")
    app.stream("rentals", model, **{"id": "rental_id", **roles})
    return app


def test_new_optional_fields_new_defaults_and_new_words_are_fine(database: Database) -> None:
    class WithMore(BaseModel):
        """Described otherwise."""

        rental_id: str = Field(description="the id", default="none")
        minutes: float = Field(ge=0, examples=[3.0])
        note: str | None = "nothing"
        place: Place | None = None
        at: datetime | None = None

    schemas = Schemas(database)
    schemas.register(app_of(Rental))
    schemas.register(app_of(WithMore))
    schemas.register(app_of(WithMore))
    with pytest.raises(SchemaChangedError, match="is absent"):
        schemas.register(app_of(Rental))


class Fewer(BaseModel):
    rental_id: str
    minutes: float = Field(ge=0)


class OtherType(BaseModel):
    rental_id: str
    minutes: int = Field(ge=0)
    note: str | None = None


class OtherBound(BaseModel):
    rental_id: str
    minutes: float = Field(ge=1)
    note: str | None = None


class MoreRequired(Rental):
    station: str


class NowRequired(BaseModel):
    rental_id: str
    minutes: float = Field(ge=0)
    note: str | None


@pytest.mark.parametrize(
    ("model", "roles", "message"),
    [
        (Fewer, {}, r"stream 'rentals', field 'note': was .* is absent\. Put it back"),
        (OtherType, {}, r"stream 'rentals', field 'minutes': was .*number.* is .*integer"),
        (OtherBound, {}, r"field 'minutes'"),
        (MoreRequired, {}, r"field 'station': was absent, is required string\. Give it a default"),
        (NowRequired, {}, r"field 'note': was optional, is required"),
        (Rental, {"key": "note"}, r"stream 'rentals', key=: was absent, is note"),
        (Rental, {"id": "note"}, r"stream 'rentals', id=: was rental_id, is note"),
    ],
)
def test_a_change_that_stored_events_do_not_survive_is_refused_and_not_remembered(
    database: Database, model: type[BaseModel], roles: dict[str, str], message: str
) -> None:
    schemas = Schemas(database)
    schemas.register(app_of(Rental))
    with pytest.raises(SchemaChangedError, match=message):
        schemas.register(app_of(model, **roles))
    schemas.register(app_of(Rental))
