"""What a fold reads: every record once, in order, in pieces of a good size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from eventlog.log.memory_log import MemoryLog
from speed.catch_up import FOLDED_TOGETHER, catch_up, fold_sizes
from tests.contracts.log import numbered


def numbers(log: MemoryLog, start: int, end: Cut | None, read_records: int) -> list[int]:
    found = catch_up(log, Cut((start,)), end, read_records=read_records)
    return [r.offset for segments in found for segment in segments for r in segment.records()]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.integers(0, 12), st.integers(0, 12), st.integers(1, 9))
def test_every_record_of_the_range_is_read_once_in_order(
    commits: list[int], start: int, stop: int, read_records: int
) -> None:
    log = MemoryLog()
    for count in commits:
        log.append(numbered(count, first=log.end().offsets[0]))
    length = log.end().offsets[0]
    start, stop = min(start, length), min(stop, length)
    assert numbers(log, start, Cut((stop,)), read_records) == list(range(start, stop))
    assert numbers(log, start, None, read_records) == list(range(start, length))


def test_small_commits_are_folded_together_and_no_more_than_is_good() -> None:
    log = MemoryLog()
    for number in range(FOLDED_TOGETHER + 5):
        log.append(numbered(1, first=number))
    assert [segment.count for segment in fold_sizes(log.read(Cut(), 9_999))] == [FOLDED_TOGETHER, 5]
