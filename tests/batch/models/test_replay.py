"""Training rows of parallel, incremental slices equal those of one pass over the log, and those of plain Python."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anabranch.events import Events
from anabranch.features.fold import fold
from anabranch.features.lookups import Lookups
from anabranch.view import Tiles
from batch.archive import archive
from batch.capacity import Capacity
from batch.cluster import OwnProcess
from batch.exchange import Exchange
from batch.models.replay import replay
from batch.models.replay_task import ReplayTask
from batch.plan import plan
from batch.views.fold_all import fold_all
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post, rows_of
from tests.batch.rides import START
from tests.batch.test_run import damage
from tests.generation_files import file_of


@pytest.fixture
def learning(home: Home) -> Home:
    return learning_home(home)


def one_pass(home: Home, *, at_a_time: int = 1) -> dict[str, dict[int, dict[str, Any]]]:
    """The features of every example by model and offset, from the first event of the log to the last."""
    app = home.app
    tiles: dict[str, Tiles] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, None, [tiles], watermarks)
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in app.models}
    for segment in home.segments():
        if segment.stream not in app.streams:
            continue
        for start in range(segment.offset, segment.end, at_a_time):
            part = segment.tail(start).head(start + at_a_time)
            events = Events(app.streams[part.stream], 0, part.offset, part.times, part.data)
            views, models = app.views_of(part.stream), app.models_of(part.stream)
            frozen, _ = fold(views, models, tiles, lookups, watermarks, events)
            for name, features in frozen.items():
                found[name] |= {start + i: one for i, one in enumerate(features) if isinstance(one, dict)}
    return found


def assert_rows(home: Home, number: int) -> None:
    """The rows that a generation names are those of one pass over the log."""
    assert_rows_of_one_pass(home, {name: rows_of(home, number, name) for name in home.app.models})


def assert_rows_of_one_pass(home: Home, rows: dict[str, list[dict[str, Any]]]) -> None:
    expected = one_pass(home)
    assert rows.keys() == expected.keys()
    for name, found in rows.items():
        assert [row["_offset"] for row in found] == list(expected[name])
        for row in found:
            features = expected[name][row["_offset"]]
            assert set(row) - {"_offset", "_time", "_label", "_join"} == set(features)
            for feature, value in features.items():
                other = row[feature]
                same = math.isclose(other, value, rel_tol=1e-9) if type(other) is float and value else other == value
                assert same, (name, row["_offset"], feature, other, value)


def test_rows_of_parallel_slices_and_of_incremental_runs_are_those_of_one_pass(learning: Home) -> None:
    for day in range(3):
        post(learning, 200, seed=day, day=day)
        outcome = learning.run(slice_records=40)
        assert outcome.generation == day + 1
    assert_rows(learning, 3)
    files = learning.open(3).manifest["models"]["duration"]["rows"]["files"]
    assert len(files) > 10
    assert [file["start"] for file in files[1:]] == [file["end"] for file in files[:-1]]
    assert (files[0]["start"], files[-1]["end"]) == (0, learning.open(3).end)


@pytest.mark.parametrize("options", [{"slice_records": 1_000_000}, {"slice_records": 23}])
def test_a_full_run_replays_to_the_same_rows(learning: Home, options: dict[str, Any]) -> None:
    post(learning, 200, seed=1)
    learning.run(slice_records=60)
    post(learning, 100, seed=2, day=1)
    learning.run(full=True, **options)
    assert_rows(learning, 2)


def replayed(home: Home, folder: Path, slice_records: int, **bounds: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of every model, replayed here by a worker that holds no more than `bounds`."""
    app, end = home.app, home.log.end()
    archive(home.log, home.lake, app, end, lambda records: None)
    (scratch := folder / "run").mkdir(parents=True)
    place = Exchange.of(home.lake.blobs, "run", scratch)
    capacity, worker = Capacity(home.app_path, None, 1, slice_records, exchange=place), OwnProcess(1)
    parts = capacity.parts([0, end.offsets[0]], worker)
    tasks = capacity.tasks(app, home.lake, plan(app.views.values(), None), end.offsets[0], worker, parts)
    deltas = sorted(fold_all(worker, tasks), key=lambda delta: delta.part)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in app.models}
    store = StoreAddress(str(folder / "store"), str(folder / "cache"))
    for part in capacity.replays(app, home.lake, parts, deltas, None, worker):
        task = ReplayTask(replace(part, **bounds), dict.fromkeys(app.models, 0), {}, store, str(scratch))
        for of_slice in replay(task):
            rows[of_slice.model] += pq.read_table(store.opened().fetch(Blob.of(of_slice.file))).to_pylist()
    return rows


@pytest.mark.parametrize("bounds", [{"carried_tiles": 10}, {"collected_rows": 4}])
def test_what_a_worker_may_hold_changes_no_row(learning: Home, tmp_path: Path, bounds: dict[str, int]) -> None:
    post(learning, 60)
    post(learning, 60, seed=1, day=1)
    assert_rows_of_one_pass(learning, replayed(learning, tmp_path / "replay", 30, **bounds))


def test_workers_of_a_cluster_replay_the_same_rows(learning: Home) -> None:
    from distributed import LocalCluster

    post(learning, 250, seed=3)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as existing:
        learning.run(dask=existing.scheduler_address, slice_records=50)
    assert_rows(learning, 1)


def test_a_feature_of_a_window_is_what_a_few_lines_of_python_say(learning: Home) -> None:
    for day in range(3):
        post(learning, 120, seed=day, day=day)
        learning.run(slice_records=30)
    rides = [r for s in learning.segments() for r in s.records() if s.stream == "rides"]
    for row in rows_of(learning, 3, "duration"):
        ride = next(r for r in rides if r.offset == row["_offset"])
        at = datetime.fromisoformat(ride.data["at"])
        first = (at - timedelta(hours=3, microseconds=-1)).replace(minute=0, second=0, microsecond=0)
        last = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        newest = max([ride.time, *(r.time for r in rides if r.offset < ride.offset)])
        seen = [
            r.data["minutes"]
            for r in rides
            if r.offset < ride.offset
            and r.data["station"] == ride.data["station"]
            and first <= datetime.fromisoformat(r.data["at"]) < last
        ]
        if newest == ride.time:  # else `keep` may hide tiles
            assert row["recent_n"] == len(seen)
            known = [minutes for minutes in seen if minutes is not None]
            assert row["recent"] == pytest.approx(sum(known) / len(known) if known else None)
        assert row["ever_n"] == sum(r.offset < ride.offset and r.data["station"] == ride.data["station"] for r in rides)


def test_a_nightly_run_replays_only_what_is_new_and_keeps_the_other_rows(learning: Home) -> None:
    post(learning, 100, seed=0)
    learning.run()
    before = row_files(learning, 1)
    end = learning.open(1).end
    post(learning, 30, seed=1, day=1)
    outcome = learning.run()
    row = learning.runs.get(outcome.run)
    assert row is not None
    replay = next(stage for stage in row.stages if stage["name"] == "replay")
    assert replay["done"] == replay["total"] == outcome.cut.offsets[0] - end
    assert row_files(learning, 2)[: len(before)] == before, "carried by their digests"


def row_files(home: Home, number: int, model: str = "duration") -> list[Any]:
    files: list[Any] = home.open(number).manifest["models"][model]["rows"]["files"]
    return files


@pytest.mark.parametrize("harm", ["altered", "missing"])
def test_damaged_rows_are_named_and_replayed_anew(learning: Home, harm: str) -> None:
    post(learning, 100, seed=0)
    learning.run(slice_records=50)
    path = file_of(learning.path, row_files(learning, 1)[1])
    damage(path, harm)
    post(learning, 30, seed=1, day=1)
    outcome = learning.run(slice_records=60)
    assert [problem for problem in outcome.problems if path.name in problem and "'duration'" in problem]
    assert_rows(learning, 2)
    assert learning.open(2).manifest["models"]["acceptance"]["rows"]["files"][0]["end"] < 60, "kept as they are"


FEATURES = {
    "leak": '{"minutes": ride.minutes}',
    "leak once": '{"minutes": ride.minutes if ride.station == "odd" else 0}',
    "mixed": '{"station": ride.station if ride.station != "odd" else 7}',
    "changed": '{"a": 1, "odd": 1} if ride.station == "odd" else {"a": 1, "b": 2}',
    "raises": "dict(n=1 // 0)",
    "widened": '{"a": None if ride.station == "even" else "text", "b": ride.station == "odd" or 2.5, "c": None}',
    "no dict": "[1]",
}


def home_with(home: Home, features: str, more: str = "") -> Home:
    """A home whose application has one model with these features."""
    path = home.path / "app.py"
    path.write_text(f"""
from datetime import datetime
from lightgbm import LGBMRegressor
from pydantic import BaseModel
from anabranch import App, agg
app = App("small")
class Ride(BaseModel):
    at: datetime
    station: str
    minutes: float
rides = app.stream("rides", Ride, time="at")
usage = app.view("usage", of=rides, by="station", tile="1h", n=agg.count())
@app.model("duration", on=rides, label="minutes", task="regression",
           batch=lambda: LGBMRegressor(n_estimators=5), speed=lambda: None)
def duration(ride, views):
    return {features}
{more}
""")
    home.app_path = str(path)
    return home


def post_stations(home: Home, stations: list[str]) -> None:
    ats = [(START + timedelta(minutes=index)).isoformat() for index in range(len(stations))]
    home.post("rides", [{"at": at, "station": s, "minutes": 5.0} for at, s in zip(ats, stations, strict=True)])


def aside(home: Home, number: int) -> dict[str, str]:
    """The events that were set aside in a generation, with their reasons."""
    failed = home.open(number).manifest["models"]["duration"]["report"]["failed"]
    assert failed["count"] == len(failed["examples"])
    return {found["position"]: found["reason"] for found in failed["examples"]}


def test_an_event_whose_features_read_the_label_is_set_aside_and_told(home: Home) -> None:
    home_with(home, FEATURES["leak once"])
    post_stations(home, ["even"] * 20 + ["odd"] + ["even"] * 20)
    outcome = home.run()
    (reason,) = aside(home, 1).values()
    assert "reads 'minutes', which is the label" in reason
    assert any("no features of 1 of 41 events" in problem and reason in problem for problem in outcome.problems)
    assert home.open(1).manifest["models"]["duration"]["champion"] == 1


def test_a_model_whose_features_are_its_label_is_not_trained_and_the_run_publishes(home: Home) -> None:
    home_with(home, FEATURES["leak"])
    post_stations(home, ["even"] * 20)
    outcome = home.run()
    assert home.served(1)["usage"]
    assert home.open(1).manifest["models"]["duration"]["versions"] == []
    assert any("which is the label" in problem and "not trained" in problem for problem in outcome.problems)


@pytest.mark.parametrize("slice_records", [10, 1_000])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("changed", "the features are a, odd; they were a, b"),
        ("mixed", "the feature 'station' is 7; it was a text"),
    ],
)
def test_an_event_whose_features_do_not_fit_is_set_aside_however_the_log_is_cut(
    home: Home, kind: str, reason: str, slice_records: int
) -> None:
    home_with(home, FEATURES[kind])
    post_stations(home, ["even"] * 20)
    home.run(slice_records=slice_records)
    post_stations(home, ["odd", *["even"] * 8, "odd"])
    for full in (False, True):
        number = home.run(slice_records=slice_records, full=full).generation
        positions = [row["_offset"] for row in rows_of(home, number, "duration")]
        misfits = [int(position.split(":")[1]) for position in aside(home, number)]
        assert set(aside(home, number).values()) == {reason}
        assert len(misfits) == 2
        assert len(positions) == 28
        assert not set(misfits) & set(positions)


@pytest.mark.parametrize("kind", ["changed", "mixed"])
@pytest.mark.parametrize("stations", ["oeeeeeeee", "eeeeoeeee", "oooeeeeee", "eeeooeeoe", "eeeoooooo"])
def test_slices_that_begin_with_an_odd_event_are_judged_as_in_one_pass(home: Home, kind: str, stations: str) -> None:
    home_with(home, FEATURES[kind])
    post_stations(home, ["odd" if letter == "o" else "even" for letter in stations])
    home.run(slice_records=3)
    # the first event of the log decides, whatever the slice begins with
    expected = [offset for offset, letter in enumerate(stations) if letter == stations[0]]
    assert [row["_offset"] for row in rows_of(home, 1, "duration")] == expected


def test_a_feature_may_turn_out_to_be_more_than_it_was(home: Home) -> None:
    home_with(home, FEATURES["widened"])
    post_stations(home, ["even"] * 20 + ["odd"] * 10 + ["other"] * 10)
    home.run(slice_records=20)
    found = rows_of(home, 1, "duration")
    assert [row["a"] for row in found] == [None] * 20 + ["text"] * 20
    assert [row["b"] for row in found] == [2.5] * 20 + [True] * 10 + [2.5] * 10
    assert home.open(1).manifest["models"]["duration"]["rows"]["features"] == {"a": "text", "b": "number", "c": "none"}


def test_a_function_that_raises_on_every_event_trains_nothing_and_the_views_are_published(home: Home) -> None:
    home_with(home, FEATURES["raises"])
    post_stations(home, ["even"] * 20)
    outcome = home.run()
    assert home.served(1)["usage"]
    entry = home.open(1).manifest["models"]["duration"]
    assert (entry["versions"], entry["champion"], entry["report"]["failed"]["count"]) == ([], None, 20)
    assert "ZeroDivisionError" in entry["report"]["failed"]["examples"][0]["reason"]
    assert any("no features of 20 of 20 events" in problem and "not trained" in problem for problem in outcome.problems)


def test_what_is_no_features_counts_as_a_failure(home: Home) -> None:
    home_with(home, FEATURES["no dict"])
    post_stations(home, ["even"] * 3)
    home.run()
    failed = home.open(1).manifest["models"]["duration"]["report"]["failed"]
    assert "must be a dict" in failed["examples"][0]["reason"]
    assert failed["examples"][0]["position"] == "0:0"


def test_a_new_model_or_a_changed_function_is_replayed_from_the_beginning(home: Home) -> None:
    home_with(home, '{"n": views.usage(station=ride.station, last="2h").n}')
    post_stations(home, ["even", "odd"] * 20)
    home.run()
    first = home.app_path
    home_with(home, '{"n": views.usage(station=ride.station, last="3h").n}')
    changed = Path(first).with_name("changed.py")
    Path(first).rename(changed)
    home.app_path = str(changed)
    post_stations(home, ["even"] * 10)
    outcome = home.run()
    assert outcome.events == outcome.cut.offsets[0]
    assert_rows(home, 2)
    versions = home.open(2).manifest["models"]["duration"]["versions"]
    assert [version["version"] for version in versions] == [2], "the features of the first were others"
    assert home.open(2).manifest["previous"] == 1


def test_an_empty_log_trains_nothing(learning: Home) -> None:
    outcome = learning.run()
    assert learning.open(1).manifest["models"]["where"]["versions"] == []
    assert any("0 rows with a label" in problem for problem in outcome.problems)
    assert row_files(learning, 1) == []


def test_row_files_say_what_they_hold(learning: Home) -> None:
    post(learning, 100)
    learning.run()
    entry = learning.open(1).manifest["models"]["acceptance"]["rows"]
    table = pq.read_table(file_of(learning.path, entry["files"][0]))
    assert table.num_rows == entry["files"][0]["rows"]
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "_offset": "int64",
        "_time": "int64",
        "_join": "string",
        "price": "double",
        "station": "string",
        "busy": "double",
    }
    labels = pq.read_table(file_of(learning.path, entry["labels"][0]))
    assert [(f.name, str(f.type)) for f in labels.schema] == [
        ("_offset", "int64"), ("_time", "int64"), ("_join", "string"), ("_label", "bool")
    ]  # fmt: skip
