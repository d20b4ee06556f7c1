"""Batch runs, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace

from eventlog.registry.database import Database
from eventlog.registry.runs import Runs
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


def test_runs_that_began_at_once_are_listed_in_one_order(database: Database) -> None:
    runs = Runs(database, Clock())
    for name in ("r2", "r3", "r1"):
        runs.start(name, full=False, pid=None)
    assert [run.id for run in runs.list()] == ["r3", "r2", "r1"]


def test_a_run_that_failed_says_why_and_keeps_what_it_had_found_out(database: Database) -> None:
    runs = Runs(database, Clock())
    run = replace(runs.start("r1", full=False, pid=7), cut="0:9", stage="fold", problems=["an index is broken — ä"])
    failed = runs.finish(run, "failed", error="KeyError: 'a'")
    assert runs.get("r1") == failed
    assert (failed.error, failed.generation, failed.stage) == ("KeyError: 'a'", None, None)
    assert (failed.cut, failed.problems) == ("0:9", ["an index is broken — ä"])
