"""One table of the lake: what of it is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import create_model

from anabranch import App
from eventlog.lake import Lake
from eventlog.lake.delta_table import LakeTable
from eventlog.log.segment import Segment


def segment(offset: int, count: int, prefix: str = "i", stream: str = "rides") -> Segment:
    ids: list[str | None] = [f"{prefix}{offset + place}" for place in range(count)]
    texts = [b'{"n":%d}' % (offset + place) for place in range(count)]
    return Segment.of(0, offset, stream, 9, [0] * count, ids, [None] * count, texts)


def ignored(records: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    """Three files: offsets 0-2, 5-6 and 8-9, archived up to 10."""
    table = Lake(tmp_path).table("rides")
    for found, upto in ((segment(0, 3), 5), (segment(5, 2), 7), (segment(8, 2), 10)):
        table.append(None, [found], upto, ignored)
    return table


def test_the_segments_of_others_and_what_lies_outside_are_not_added(tmp_path: Path) -> None:
    table = Lake(tmp_path).table("rides")
    told: list[int] = []
    offered = [segment(0, 4), segment(4, 1, stream="walks"), segment(5, 4), segment(9, 3)]
    assert table.append(None, offered, 7, told.append) == 6
    assert (sum(told), table.archived()) == (6, 7)
    assert table.append(None, offered, 7, told.append) == 0
    assert [record.offset for s in table.read(0, 100, 2**20)[0] for record in s.records()] == [0, 1, 2, 3, 5, 6]


def test_a_read_ends_after_the_file_with_which_there_is_enough_and_says_how_far_it_is_whole(table: LakeTable) -> None:
    segments, reached = table.read(0, 10, 0)
    assert ([s.offset for s in segments], reached) == ([0], 5)
    segments, reached = table.read(reached, 10, 0)
    assert ([s.offset for s in segments], reached) == ([5], 8)
    segments, reached = table.read(1, 9, 2**20)
    assert ([(s.offset, s.end) for s in segments], reached) == ([(1, 3), (5, 7), (8, 9)], 9)


@pytest.mark.parametrize(("start", "end", "count"), [(0, 10, 3), (3, 5, 0), (2, 5, 1), (2, 6, 2), (10, 99, 0)])
def test_the_files_of_a_range_are_those_that_may_hold_it(table: LakeTable, start: int, end: int, count: int) -> None:
    assert len(table.files(start, end)) == count


def test_a_record_is_found_by_its_id_alone(table: LakeTable) -> None:
    found = table.find("i6")
    assert found is not None
    assert (found.offset, found.data) == (6, {"n": 6})
    assert table.find("i7") is None
    assert table.find("") is None


def test_of_an_id_that_came_again_the_newest_record_is_found(table: LakeTable) -> None:
    """An id may come again once its record has long been archived; see the deduplication of the log."""
    table.append(None, [segment(10, 1, "j"), Segment.of(0, 11, "rides", 9, [0], ["i6"], [None], [b"{}"])], 12, ignored)
    found = table.find("i6")
    assert found is not None
    assert found.offset == 11


def test_a_stream_that_had_no_event_may_have_changed_the_type_of_a_field(tmp_path: Path) -> None:
    """Delta would cast "7" to the number 7 without a word, and fail at "seven"."""
    table = Lake(tmp_path).table("rides")
    numbers, texts = (App("a").stream("rides", create_model("Ride", n=(kind, ...))) for kind in (int, str))
    assert table.append(numbers, [], 4, ignored) == 0
    ride = Segment.of(0, 4, "rides", 9, [0, 0], ["a", "b"], [None, None], [b'{"n":"7"}', b'{"n":"seven"}'])
    assert table.append(texts, [ride], 6, ignored) == 2
    (file,) = table.files(0, 100)
    assert pq.read_table(file)["n"].to_pylist() == ["7", "seven"]
    assert table.archived() == 6
    assert table.append(texts, [segment(6, 1)], 7, ignored) == 1
    assert [record.offset for s in table.read(0, 100, 2**20)[0] for record in s.records()] == [4, 5, 6]
