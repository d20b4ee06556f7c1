"""In what pieces the work of a run is done: every record once, with just the files that hold it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from batch.archive import archive
from batch.capacity import SQL_SLICES, Capacity
from batch.cluster import OwnProcess
from batch.exchange import Exchange
from batch.plan import Slice, ViewGroup, plan
from batch.views.slice_fold import SliceDelta, SliceTask
from eventlog.store.blobs import Blob
from tests.batch.conftest import APPLICATION, Home
from tests.batch.models.learning import learning_home, post
from tests.batch.rides import rides


class Pair(OwnProcess):
    """Two workers, as far as the division of work goes."""

    count = 2


def tasks(home: Home, capacity: Capacity, groups: list[ViewGroup], parts: list[Slice] | None = None) -> list[SliceTask]:
    placed = replace(capacity, exchange=Exchange.of(home.lake.blobs, "run", home.path))
    return list(placed.tasks(home.app, home.lake, groups, home.log.end().offsets[0], Pair(), parts))


def archived(home: Home) -> int:
    end = home.log.end()
    archive(home.log, home.lake, home.app, end, lambda records: None)
    return end.offsets[0]


@pytest.fixture
def capacity(home: Home) -> Capacity:
    return Capacity(home.app_path, None, None, 10)


def test_every_view_gets_every_record_of_its_stream_once(home: Home, capacity: Capacity) -> None:
    for seed in range(4):
        home.post("rides", rides(13, seed=seed))
        home.post("words", [{"text": "a"}] * 3)
    end = archived(home)
    found = tasks(home, capacity, plan(home.app.views.values(), None))
    for view in home.app.views.values():
        of_view = sorted(task.part for task in found if view.name in task.views)
        assert all(one.end <= other.start for one, other in pairwise(of_view))
        read = [
            offset
            for task in found
            if view.name in task.views
            for segment in home.lake.read_stream(view.of.name, task.part.start, task.part.end)
            for offset in range(segment.offset, segment.end)
        ]
        whole = [o for s in home.lake.read_stream(view.of.name, 0, end) for o in range(s.offset, s.end)]
        assert sorted(read) == whole


def test_slices_in_sql_are_larger_and_one_without_records_of_the_stream_is_no_task(
    home: Home, capacity: Capacity
) -> None:
    home.post("words", [{"text": "a"}] * 100)
    home.post("rides", rides(5))
    archived(home)
    found = tasks(home, capacity, plan(home.app.views.values(), None))
    in_python = [task.part for task in found if "pairs" in task.views]
    in_sql = [task for task in found if "alone" in task.views]
    assert 10 <= len(in_python) <= 11
    assert all(part.end - part.start <= 10 and part.start < 100 for part in in_python)
    assert [task.part for task in in_sql] == [Slice(0, 105)]
    assert SQL_SLICES * 10 >= 105
    assert all(file in home.lake.held("rides", 0, 105) for task in in_sql for file in task.files)


def test_slices_that_are_given_are_those_of_every_view(home: Home, capacity: Capacity) -> None:
    home.post("rides", rides(40))
    archived(home)
    parts = capacity.parts([40, 0, 25], OwnProcess())
    assert (parts[0].start, parts[-1].end) == (0, 40)
    assert 25 in {part.end for part in parts}, "slices of views end where those of the replay begin"
    found = tasks(home, capacity, plan(home.app.views.values(), None), parts)
    assert {task.part for task in found if "alone" in task.views} == set(parts)


def test_a_range_of_the_replay_has_what_came_before_it_and_nothing_that_comes_after(home: Home) -> None:
    learning_home(home)
    post(home, 60)
    end = archived(home)
    capacity = Capacity(
        home.app_path, None, None, -(-end // 9), exchange=Exchange.of(home.lake.blobs, "run", home.path)
    )
    parts = capacity.parts([0, end], Pair())
    deltas = [
        SliceDelta(part, {name: Blob("", part.end, name) for name in ("usage", "ever")}, {}, part.end) for part in parts
    ]
    found = list(capacity.replays(home.app, home.lake, parts, deltas, None, Pair()))
    assert [part for of_range in found for part in of_range.parts] == parts
    assert 1 < len(found) <= 4
    for of_range in found:
        first, last = of_range.parts[0], of_range.parts[-1]
        assert [delta.end for delta in of_range.deltas["usage"]] == [p.end for p in parts if p.end < last.end]
        assert of_range.deltas["members"] == ()
        assert of_range.files.keys() == {"rides", "offers", "answers"}
        for stream, files in of_range.files.items():
            assert list(files) == home.lake.held(stream, first.start, last.end)
    assert found[0].base is None


def test_an_application_is_found_from_any_folder() -> None:
    assert (
        Capacity("examples/bikes.py:app", None, None, 1).absolute_app_path
        == str(Path("examples/bikes.py").resolve()) + ":app"
    )
    assert Capacity(APPLICATION, None, None, 1).absolute_app_path == APPLICATION
