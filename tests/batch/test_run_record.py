"""The row of a run: it says what the run is at, and in the end what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch import Cut
from batch.run_progress import NoProgress
from batch.run_record import RunRecord
from eventlog.decisions import Publication
from eventlog.errors import LogUnavailableError
from eventlog.registry.database import Database
from eventlog.registry.runs import Run, Runs, Status


class RestartedRuns(Runs):
    """Runs of a database that is away for as many calls as there are troubles."""

    troubles = 0

    def update(self, run: Run) -> None:
        if self.troubles:
            self.troubles -= 1
            raise LogUnavailableError("restarting")
        super().update(run)


class Notes(NoProgress):
    """Remembers what a person was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[RestartedRuns]:
    database = Database(f"sqlite:///{tmp_path}/log.db")
    yield RestartedRuns(database)
    database.close()


def stored(runs: Runs, name: str) -> Any:
    row = runs.get(name)
    assert row is not None
    return row


def record(runs: Runs, name: str = "r") -> RunRecord:
    return RunRecord(runs, name, False, NoProgress())


def test_a_run_that_begins_ends_the_rows_of_those_that_died(runs: RestartedRuns) -> None:
    runs.start("dead", full=False, pid=1)
    runs.finish(runs.start("failed", full=False, pid=1), "failed", error="no disk")
    record(runs)
    assert {run.id: run.status for run in runs.list()} == {"dead": "abandoned", "failed": "failed", "r": "running"}


def test_facts_and_problems_are_stored_with_the_next_stage_and_a_person_is_told_at_once(runs: RestartedRuns) -> None:
    notes = Notes()
    told = RunRecord(runs, "r", True, notes)
    told.tell(cut="0:7", events=3)
    told.problem("a view is odd")
    assert notes.texts == told.problems == ["a view is odd"]
    told.progress.stage("fold", 3)
    row = stored(runs, "r")
    assert (row.full, row.cut, row.events, row.problems, row.stage) == (True, "0:7", 3, ["a view is odd"], "fold")
    assert [stage["name"] for stage in row.stages] == ["fold"]


def test_a_database_that_is_away_for_a_while_stops_no_stage(runs: RestartedRuns) -> None:
    told = record(runs)
    runs.troubles = 1
    told.progress.stage("fold", 3)
    told.progress.stage("merge", 1)
    assert [stage["name"] for stage in stored(runs, "r").stages] == ["fold", "merge"]


@pytest.mark.parametrize(("troubles", "status"), [(1, "published"), (10**6, "running")])
def test_that_a_run_published_is_said_when_the_database_is_back_or_by_the_next_run(
    runs: RestartedRuns, troubles: int, status: Status
) -> None:
    told = record(runs)
    runs.troubles = troubles
    told.finish_published(4, patience_seconds=5.0 if troubles == 1 else 0.0)
    runs.troubles = 0
    assert stored(runs, "r").status == status
    assert [("next run" in problem) for problem in told.problems] == ([] if troubles == 1 else [True])
    following = record(runs, "next")
    following.settle([Publication(4, Cut((9,)), "", "r", {})])
    assert (stored(runs, "r").status, stored(runs, "r").generation) == ("published", 4)


def test_a_run_that_failed_says_why(runs: RestartedRuns) -> None:
    record(runs).finish("failed", "KeyError: 'a'")
    assert (stored(runs, "r").status, stored(runs, "r").error) == ("failed", "KeyError: 'a'")
