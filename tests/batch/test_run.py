"""Batch runs over a real log and a real lake: incremental, full, interrupted, taken over."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from anabranch import Cut
from batch.archive import archive
from batch.errors import LeaseHeldError
from batch.run_progress import MODEL_STAGES, STAGES, NoProgress
from eventlog.decisions import publications
from eventlog.errors import LeaseLostError
from eventlog.registry.database import Database
from eventlog.registry.runs import Status
from tests.batch.conftest import Home
from tests.batch.rides import START, rides
from tests.batch.views.test_roads import assert_same, folded
from tests.generation_files import manifest_of, view_file


def test_incremental_runs_answer_what_a_full_run_answers(home: Home) -> None:
    for seed in range(4):
        home.post("rides", rides(60, seed=seed))
        home.post("words", [{"text": "some words"}] * seed)
        outcome = home.run(slice_records=50)
        assert outcome.generation == seed + 1
        assert not outcome.problems
    incremental = home.served(4)
    assert home.run(full=True).events > 240
    full = home.served(5)
    for view in home.app.views.values():
        assert_same(incremental[view.name], full[view.name])
        assert_same(incremental[view.name], folded(home, view))


def test_only_new_records_are_folded(home: Home) -> None:
    home.post("rides", rides(100))
    assert home.run().events == 100
    home.post("rides", rides(5, seed=9))
    assert home.run().events == 5 + 2  # and the markers of the run before
    assert home.run().events == 2
    manifest = home.open(3).manifest
    assert manifest["previous"] == 2
    assert (manifest["cut"], home.open(3).cut) == ("0:109", Cut((109,)))


def test_an_empty_log_is_published_too(home: Home) -> None:
    assert home.run().cut == Cut((0,))
    assert all(not tiles for tiles in home.served(1).values())
    home.post("rides", rides(3))
    home.run()
    assert home.served(2)["alone"] == {((), 0): {"n": 3}}


def test_the_marker_of_publication_names_the_manifest(home: Home) -> None:
    outcome = home.run()
    events = [record.data for segment in home.segments() for record in segment.records()]
    assert [event["kind"] for event in events] == ["batch_started", "batch_published"]
    assert events[1]["cut"] == "0:0"
    assert (events[1]["run"], events[1]["generation"]) == (outcome.run, 1)
    assert manifest_of(home.path, 1).name == f"00000001-{events[1]['manifest_sha256']}.json"
    assert home.open(1).manifest["log"] == home.log.id


VERSIONS = {
    name: f"""
from pydantic import BaseModel
from datetime import datetime
from anabranch import App, agg
app = App("versions")
class Ride(BaseModel):
    id: str
    at: datetime
    station: str | None = None
    dock: int | None = None
    {field}
rides = app.stream("rides", Ride, time="at")
app.view("same", of=rides, by="station", n=agg.count())
{view}
"""
    for name, field, view in (
        ("old", "", 'app.view("other", of=rides, by="station", tile="1h", keep="1d", n=agg.count())'),
        ("changed", "", 'app.view("other", of=rides, by="dock", tile="1h", keep="1d", n=agg.count())'),
        ("longer", "", 'app.view("other", of=rides, by="station", tile="1h", keep="9d", n=agg.count())'),
        ("shorter", "", 'app.view("other", of=rides, by="station", tile="1h", keep="2h", n=agg.count())'),
        ("fewer", "", ""),
        ("grown", "size: int = 7", 'app.view("other", of=rides, by="size", total=agg.sum("size"))'),
    )
}


@pytest.fixture
def version(home: Home, tmp_path: Path) -> Any:
    """Sets the version of the application."""

    def choose(name: str) -> None:
        path = tmp_path / f"{name}.py"
        path.write_text(VERSIONS[name])
        home.app_path = str(path)

    return choose


@pytest.mark.parametrize("changed", ["changed", "longer", "shorter", "fewer", "grown"])
def test_a_changed_definition_recomputes_what_it_touches(home: Home, version: Any, changed: str) -> None:
    version("old")
    home.post("rides", rides(80, hours=100))
    home.run()
    version(changed)
    home.post("rides", rides(40, seed=5, hours=90))
    home.run()
    assert sorted(home.open(2).manifest["views"]) == sorted(home.app.views)
    served = home.served(2)
    for view in home.app.views.values():
        assert_same(served[view.name], folded(home, view))


def test_expired_tiles_are_gone_from_the_files_and_their_late_events_with_them(home: Home) -> None:
    home.post("rides", rides(200))
    home.run()
    before = home.served(1)["kept"]
    home.post("rides", rides(20, seed=1, start=START + timedelta(days=2)))
    home.post("rides", rides(20, seed=2))  # late
    home.run()
    after = home.served(2)["kept"]
    assert before
    assert not before.keys() & after.keys()
    assert_same(after, folded(home, home.app.views["kept"]))
    assert home.open(2).rows(home.app.views["kept"]) == len(after)


class Crash(BaseException):
    """What kills a run in these tests: nothing catches it but the run's own last words."""


class CrashAt(NoProgress):
    """Ends a run when it begins a stage."""

    def __init__(self, stage: str):
        self.at = stage

    def stage(self, name: str, total: int) -> None:
        if name == self.at:
            raise Crash(name)


VIEW_STAGES = [stage for stage in STAGES if stage not in MODEL_STAGES]


@pytest.mark.parametrize("stage", VIEW_STAGES)
def test_a_run_that_breaks_off_at_any_stage_leaves_the_next_to_succeed(home: Home, stage: str) -> None:
    home.post("rides", rides(50))
    home.run()
    home.post("rides", rides(50, seed=1))
    with pytest.raises(Crash):
        home.run(progress=CrashAt(stage))
    home.post("rides", rides(50, seed=2))
    outcome = home.run()
    served = home.served(outcome.generation)
    for view in home.app.views.values():
        assert_same(served[view.name], folded(home, view))
    assert outcome.generation == (3 if stage == "trim" else 2)
    assert not list((home.path / "batch").iterdir())
    expected = "published" if stage == "trim" else "failed"
    assert [run.status for run in home.runs.list()] == ["published", expected, "published"]
    if stage not in ("mark", "trim"):
        kinds = [r.data["kind"] for s in home.segments() for r in s.records() if s.stream == "_anabranch"]
        assert kinds.count("batch_failed") == 1


def test_what_a_killed_run_left_is_removed_and_its_row_says_so(home: Home) -> None:
    home.post("rides", rides(20))
    home.runs.start("dead", full=False, pid=1)
    leftover = home.path / "batch" / "dead" / "tables"
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("x")
    successors = home.path / "batch" / "99-later"
    successors.mkdir()
    outcome = home.run()
    assert outcome.generation == 1
    assert list((home.path / "batch").iterdir()) == [successors], "of a later lease: this run would have been overtaken"
    dead = home.runs.get("dead")
    assert dead is not None
    assert dead.status == "abandoned"


def test_a_run_killed_just_after_its_publication_was_published(home: Home) -> None:
    first = home.run()
    row = home.runs.get(first.run)
    assert row is not None
    home.runs.update(replace(row, status="running", generation=None))
    assert home.run().generation == 2
    settled = home.runs.get(first.run)
    assert settled is not None
    assert (settled.status, settled.generation) == ("published", 1)


class LockedFrom(NoProgress):
    """Keeps the database locked from the beginning of a stage on, until it is let go."""

    def __init__(self, home: Home, stage: str):
        self.at = stage
        self.other = Database(str(home.database.engine.url))
        self.held = ExitStack()
        home.database.engine.dispose()  # connections that wait less long than a user's may
        event.listen(home.database.engine, "checkout", lambda connection, *_: connection.execute(_IMPATIENT))

    def stage(self, name: str, total: int) -> None:
        if name == self.at:
            self.held.enter_context(self.other.write())

    def let_go(self) -> None:
        self.held.close()
        self.other.close()


_IMPATIENT = "PRAGMA busy_timeout = 20"


def test_a_run_is_published_though_the_database_goes_away_just_after(home: Home) -> None:
    home.post("rides", rides(20))
    locked = LockedFrom(home, "trim")
    outcome = home.run(progress=locked)
    locked.let_go()
    assert outcome.generation == 1
    for problem in ("old records", "its row says so only after the next run", "lease 'batch' could not be given back"):
        assert [told for told in outcome.problems if problem in told], outcome.problems
    home.now += 10**8  # the lease ends by itself: this process lives on
    home.run()
    rows = [(run.status, run.generation, run.error) for run in home.runs.list()]
    assert rows == [("published", 2, None), ("published", 1, None)]


def test_a_published_run_whose_row_says_otherwise_is_corrected_by_the_next(home: Home) -> None:
    runs = [home.run() for _ in range(2)]
    wrong: tuple[Status, Status] = ("abandoned", "failed")
    for outcome, status in zip(runs, wrong, strict=True):
        row = home.runs.get(outcome.run)
        assert row is not None
        home.runs.update(replace(row, status=status, generation=None, error="it was not told in time"))
    home.run()
    assert [(run.status, run.generation, run.error) for run in home.runs.list()] == [
        ("published", number, None) for number in (3, 2, 1)
    ]


class EndedAt(NoProgress):
    """A signal comes when a stage begins."""

    def __init__(self, stage: str):
        self.at = stage

    def stage(self, name: str, total: int) -> None:
        if name == self.at:
            raise SystemExit("ended by SIGTERM")


def test_a_run_that_a_signal_ends_is_abandoned_or_published_already(home: Home) -> None:
    home.post("rides", rides(20))
    for stage in ("fold", "trim"):
        with pytest.raises(SystemExit):
            home.run(progress=EndedAt(stage))
    rows = [(run.status, run.generation, run.error) for run in home.runs.list()]
    assert rows == [("published", 1, None), ("abandoned", None, "SystemExit: ended by SIGTERM")]


class Blind(NoProgress):
    """A display whose terminal is gone."""

    def stage(self, name: str, total: int) -> None:
        raise BrokenPipeError(name)


def test_a_run_whose_progress_cannot_be_shown_is_published(home: Home) -> None:
    home.post("rides", rides(20))
    outcome = home.run(progress=Blind())
    row = home.runs.get(outcome.run)
    assert row is not None
    assert (row.status, row.generation) == ("published", 1)


def test_a_second_run_leaves_everything_alone(home: Home) -> None:
    lease = home.leases.acquire("batch", "elsewhere:1:1", 60)
    assert lease is not None
    with pytest.raises(LeaseHeldError):
        home.run()
    assert home.log.end() == Cut((0,))
    assert not home.runs.list()
    home.leases.release(lease)
    home.run()


class TakeOver(NoProgress):
    """Takes the lease over when a run begins to publish, as if the run had slept too long."""

    def __init__(self, home: Home):
        self.home = home

    def stage(self, name: str, total: int) -> None:
        if name == "publish":
            self.home.now += 10**9
            assert self.home.leases.acquire("batch", "elsewhere:1:1", 60) is not None


def test_a_run_that_lost_its_lease_publishes_nothing(home: Home) -> None:
    home.post("rides", rides(10))
    with pytest.raises(LeaseLostError):
        home.run(progress=TakeOver(home))
    assert not publications(home.log)
    kinds = [r.data.get("kind") for s in home.segments() for r in s.records() if s.stream == "_anabranch"]
    assert kinds == ["batch_started"]


@pytest.mark.parametrize("file", [("alone", "index"), ("in_sql", "table"), None])
@pytest.mark.parametrize("harm", ["torn", "altered", "missing"])
def test_a_damaged_generation_is_named_and_not_built_upon(home: Home, file: tuple[str, str] | None, harm: str) -> None:
    for seed in range(2):
        home.post("rides", rides(30, seed=seed))
        home.run()
    path = manifest_of(home.path, 2) if file is None else view_file(home.path, 2, *file)
    damage(path, harm)
    home.post("rides", rides(30, seed=2))
    outcome = home.run()
    assert outcome.generation == 3
    assert len(outcome.problems) == 1
    assert path.name in outcome.problems[0]
    assert home.open(3).manifest["previous"] == 1
    served = home.served(3)
    for view in home.app.views.values():
        assert_same(served[view.name], folded(home, view))


def test_with_no_intact_generation_everything_is_recomputed(home: Home) -> None:
    for seed in range(2):
        home.post("rides", rides(30, seed=seed))
        home.run()
        damage(view_file(home.path, seed + 1, "ever"), "altered")
    outcome = home.run()
    assert len(outcome.problems) == 2
    assert home.open(3).manifest["previous"] is None
    assert_same(home.served(3)["ever"], folded(home, home.app.views["ever"]))


def damage(path: Path, harm: str) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if harm != "missing":
        path.write_bytes(content[:-1] if harm == "torn" else content)


def test_streams_without_a_definition_are_archived_as_well(home: Home, version: Any) -> None:
    home.post("rides", rides(10))
    home.post("words", [{"text": "still here"}])
    version("fewer")
    home.run(retention_us=0)
    assert home.lake.streams() == ["_anabranch", "rides", "words"]
    home.app_path = str(Path(__file__).parent / "application.py")
    home.run()
    assert home.served(2)["pairs"] == {(("here",), 0): {"n": 1}, (("still",), 0): {"n": 1}}


def test_an_archive_that_broke_off_between_two_streams_goes_on_without_doubles(home: Home) -> None:
    home.post("rides", rides(10))
    home.post("words", [{"text": "once"}])
    home.lake.archive(home.app.streams["rides"], home.log.read(Cut()), 11)
    archive(home.log, home.lake, home.app, Cut((11,)), lambda n: None)
    home.run()
    assert home.served(1)["alone"] == {((), 0): {"n": 10}}
    assert home.served(1)["pairs"] == {(("once",), 0): {"n": 1}}


def test_progress_is_in_the_registry_stage_by_stage(home: Home) -> None:
    home.post("rides", rides(10))
    outcome = home.run()
    row = home.runs.get(outcome.run)
    assert row is not None
    assert [stage["name"] for stage in row.stages] == VIEW_STAGES
    assert all(stage["done"] == stage["total"] for stage in row.stages)
    assert (row.status, row.generation, row.cut, row.events) == ("published", 1, "0:10", 10)


RAISING = """
from pydantic import BaseModel
from anabranch import App, agg
app = App("raising")
class Ride(BaseModel):
    station: str
rides = app.stream("rides", Ride)
raising = app.view("raising", of=rides, by=lambda ride: {"A": "a"}[ride.station], n=agg.count())
"""


def test_a_view_whose_function_raises_is_told_and_counted_and_the_run_publishes(home: Home) -> None:
    path = home.path / "raising.py"
    path.write_text(RAISING)
    home.app_path = str(path)
    home.post("rides", [{"station": station} for station in "ABAB"])
    outcome = home.run()
    assert home.served(1)["raising"]
    assert home.open(1).manifest["views"]["raising"]["failures"] == 2
    told = "a function of view 'raising' raised on 2 events, which it leaves out"
    assert told in outcome.problems
    assert told in home.runs.list()[0].problems
