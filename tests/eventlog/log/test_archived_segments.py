"""What is no longer hot, read out of a lake that has it, has a part of it, or is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import SYSTEM, Cut
from eventlog.errors import DatabaseDamagedError, LakeDamagedError, RecordsTrimmedError
from eventlog.lake import Lake
from eventlog.log.archived_segments import abutting, read_archived, read_archived_system
from eventlog.log.segment import Segment


def segment(offset: int, count: int, stream: str = "rides") -> Segment:
    nothing: list[None] = [None] * count
    return Segment.of(0, offset, stream, 9, [0] * count, [*nothing], [*nothing], [b"{}"] * count)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Rides at 0-2 and 4-5, a decision at 3: all archived up to 6."""
    lake = Lake(tmp_path / "lake")
    segments = [segment(0, 3), segment(3, 1, SYSTEM), segment(4, 2)]
    for name in ("rides", SYSTEM):
        lake.archive(name, segments, 6)
    return lake


def places(segments: list[Segment]) -> list[tuple[int, int]]:
    return [(found.offset, found.end) for found in segments]


def test_records_of_all_streams_come_in_order_and_end_where_the_hot_ones_begin(lake: Lake) -> None:
    assert places(read_archived(lake, 0, 6, 1_000)) == [(0, 3), (3, 4), (4, 6)]
    assert places(read_archived(lake, 1, 5, 1_000)) == [(1, 3), (3, 4), (4, 5)]
    assert places(read_archived(lake, 5, 6, 0)) == [(5, 6)]


def test_records_that_no_lake_has_are_told_with_both_cuts(lake: Lake) -> None:
    with pytest.raises(RecordsTrimmedError) as caught:
        read_archived(None, 2, 6, 10)
    assert (caught.value.asked, caught.value.begin) == (Cut((2,)), Cut((6,)))
    with pytest.raises(RecordsTrimmedError):
        read_archived(lake, 6, 9, 10)


def test_a_lake_that_lacks_a_record_in_between_is_damaged_and_says_which(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.archive("rides", [segment(0, 2), segment(3, 2)], 5)
    with pytest.raises(LakeDamagedError, match=r"lacks records that were archived.* from 0:2 to before 0:3"):
        read_archived(lake, 0, 5, 10)


def test_a_lake_that_has_only_what_lies_behind_is_damaged_and_not_at_its_end(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.archive("rides", [segment(4, 2)], 6)
    with pytest.raises(LakeDamagedError, match=r"lacks records that were archived.* from 0:0 to before 0:4"):
        read_archived(lake, 0, 4, 10)


def test_decisions_are_read_without_the_events_between_them(lake: Lake) -> None:
    assert places(list(read_archived_system(lake, 0, 6))) == [(3, 4)]
    assert places(list(read_archived_system(lake, 4, 6))) == []


@pytest.mark.parametrize("present", [True, False])
def test_decisions_that_the_lake_does_not_reach_are_not_taken_for_none(lake: Lake, present: bool) -> None:
    with pytest.raises(RecordsTrimmedError):
        list(read_archived_system(lake if present else None, 0, 7))


def test_where_everything_is_hot_no_lake_is_asked() -> None:
    assert list(read_archived_system(None, 4, 4)) == []


@pytest.mark.parametrize(
    ("segments", "found"), [([segment(1, 1)], 1), ([segment(0, 2), segment(3, 1)], 3), ([segment(0, 2)] * 2, 0)]
)
def test_a_gap_and_an_overlap_are_damage(segments: list[Segment], found: int) -> None:
    with pytest.raises(DatabaseDamagedError, match=f"come those from 0:{found} on"):
        abutting(segments, 0)
