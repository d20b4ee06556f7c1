"""The small tables: written when something has changed, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.runs import Runs
from serving.sql.relations.system_relations import SMALL
from serving.sql.snapshots.small_tables import SmallTables

NOW = 1_700_000_000_000_000
LEARNER: dict[str, Any] = {
    "weights": {"batch": 0.75, "speed": 0.25},
    "scores": {"batch": {"loss": 1.0, "recent": 2.0, "count": 3}, "blend": {"loss": 0.5, "recent": 0.25, "count": 3}},
    "diverged": {"speed": True},
    "clipped": {"speed": 7},
    "series": [
        {"time": "2023-11-14T22:13:20Z", "count": 2, "version": 1, "loss": {"batch": 1.5}, "weights": {"batch": 0.6}}
    ],
}
REPORTS = {"m": {"task": "regression", "metric": "squared_error", "champions": [1, 2], "learner": LEARNER}}
HELD: dict[str, Any] = {
    "version": 2, "promoted": True, "candidate": "Ridge", "cut": "0:9", "rows": 5,
    "holdout": {"loss": 1.5, "rows": 2, "incumbent": None},
}  # fmt: skip
VERSIONS = {"m": [HELD, {**HELD, "version": 1}, {**HELD, "version": 3, "promoted": False}]}


class World:
    """A registry, and the tables that are made of it."""

    def __init__(self, folder: Path):
        self.database = Database(f"sqlite:///{folder}/log.db")
        self.runs = Runs(self.database, lambda: NOW)
        self.letters = DeadLetters(self.database, lambda: NOW)
        numbers = count()
        names = ["rentals", "pings"]
        self.tables = SmallTables(
            self.runs, self.letters, names, lambda name: folder / f"{name}-{next(numbers)}.parquet"
        )

    def refresh(self, now: int = NOW) -> bool:
        return self.tables.refresh(REPORTS, VERSIONS, now)

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.tables.files()[table]).to_pylist()
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def refused(text: str) -> tuple[bytes, list[dict[str, Any]]]:
    return text.encode(), [{"field": "minutes", "message": "too few", "type": "greater_than", "row": 7}]


def test_every_small_table_is_there_from_the_beginning_with_its_columns(world: World) -> None:
    assert world.refresh()
    assert world.tables.files().keys() == SMALL.keys()
    for table, path in world.tables.files().items():
        assert pq.read_schema(path).names == [column.name for column in SMALL[table][0]]


def test_nothing_is_written_while_nothing_changes_though_time_goes_on(world: World) -> None:
    world.runs.start("r", full=False, pid=1)
    world.letters.add("rentals", [refused("a")])
    world.refresh()
    before = world.tables.files()
    assert not world.refresh(NOW + 10**9)
    assert world.tables.files() == before


def test_whatever_becomes_of_a_rejected_event_is_seen(world: World) -> None:
    (first,) = world.letters.add("rentals", [refused("a")])
    (second,) = world.letters.add("pings", [refused("b")])
    world.refresh()
    assert [(row["id"], row["stream"], row["body"]) for row in world.rows("rejected")] == [
        (first, "rentals", "a"),
        (second, "pings", "b"),
    ]
    assert world.rows("rejected")[0]["errors"] == [{"field": "minutes", "message": "too few", "type": "greater_than"}]
    world.letters.delete(first)
    assert world.refresh()
    assert [row["id"] for row in world.rows("rejected")] == [second]


def test_a_run_is_seen_at_work_and_when_it_ended(world: World) -> None:
    run = world.runs.start("r", full=True, pid=1)
    world.refresh(NOW + 2_000_000)
    (shown,) = world.rows("batch_runs")
    assert (shown["run"], shown["status"], shown["seconds"], shown["finished"]) == ("r", "running", 2.0, None)
    world.runs.finish(run, "published", generation=4)
    assert world.refresh(NOW + 9_000_000)
    (shown,) = world.rows("batch_runs")
    assert (shown["status"], shown["generation"], shown["seconds"]) == ("published", 4, 0.0)


def test_models_are_told_by_version_by_expert_and_in_the_course_of_time(world: World) -> None:
    world.refresh()
    status = {row["version"]: row["status"] for row in world.rows("models")}
    assert status == {2: "champion", 1: "retired", 3: "rejected"}
    scores = {row["expert"]: row for row in world.rows("model_scores")}
    assert scores.keys() == {"batch", "speed", "blend"}
    assert (scores["batch"]["loss"], scores["batch"]["weight"], scores["batch"]["diverged"]) == (1.0, 0.75, False)
    assert (scores["speed"]["loss"], scores["speed"]["count"], scores["speed"]["diverged"]) == (None, 0, True)
    assert (scores["blend"]["weight"], scores["speed"]["clipped"]) == (None, 7)
    (point,) = world.rows("model_history")
    assert (point["expert"], point["loss"], point["weight"], point["version"]) == ("batch", 1.5, 0.6, 1)
