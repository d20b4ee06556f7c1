"""Batch runs, dead letters and schemas, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, Field

from anabranch import App
from eventlog.errors import SchemaChangedError
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
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


class Positive(Rental):
    minutes: float = Field(gt=0)


def app_of(model: type[BaseModel]) -> App:
    app = App("bikes")
    app.stream("rentals", model, id="rental_id")
    return app


def test_a_schema_is_remembered_unless_a_stored_event_does_not_fit_it(database: Database) -> None:
    schemas, log = Schemas(database), MemoryLog()
    for model in (Rental, Positive, Rental):
        schemas.register(app_of(model), log)
    log.append(Append("rentals", ["r1"], [None], [0], [b'{"rental_id":"r1","minutes":0.0}']))
    with pytest.raises(SchemaChangedError, match=r"stream 'rentals': the stored event at 0:0 .* greater than 0"):
        schemas.register(app_of(Positive), log)
    schemas.register(app_of(Rental), log)
