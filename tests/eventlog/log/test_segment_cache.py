from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventlog import Segment
from eventlog.log import segment_cache
from eventlog.log.segment_cache import SegmentCache


def segment(offset: int, count: int, size: int = 2) -> Segment:
    return Segment.of(0, offset, "s", 9, [1] * count, [None] * count, [None] * count, [b"{%b}" % (b" " * size)] * count)


commits = st.lists(st.tuples(st.sampled_from([0, 0, 0, 5]), st.lists(st.integers(1, 4), max_size=3)), max_size=8)


@given(commits=commits, start=st.integers(0, 60), limit=st.integers(1, 20))
def test_what_is_read_is_what_was_committed_last_without_a_gap(
    commits: list[tuple[int, list[int]]], start: int, limit: int
) -> None:
    recent_ones = SegmentCache()
    end = 7
    newest: list[Segment] = []
    for written_by_others, counts in commits:
        if written_by_others:
            end += written_by_others
            newest = []
        committed = []
        begun = end
        for count in counts:
            committed.append(segment(end, count))
            end += count
        recent_ones.add(begun, committed)
        newest += committed
    held = bool(newest) and newest[0].offset <= start < newest[-1].end
    expected = [found for found in newest if found.end > start and found.offset < start + limit] if held else []
    assert recent_ones.read(start, limit) == expected


def test_it_holds_a_bounded_number_of_segments() -> None:
    recent_ones = SegmentCache()
    for offset in range(segment_cache.MAX_SEGMENTS + 10):
        recent_ones.add(offset, [segment(offset, 1)])
    assert recent_ones.read(9, 1) == []
    assert len(recent_ones.read(10, 10_000)) == segment_cache.MAX_SEGMENTS


def test_it_holds_a_bounded_amount_of_event_data() -> None:
    recent_ones = SegmentCache()
    recent_ones.add(0, [segment(offset, 1, segment_cache.MAX_BYTES // 3) for offset in range(4)])
    assert recent_ones.read(1, 1) == []
    assert [found.offset for found in recent_ones.read(2, 10)] == [2, 3]
    recent_ones.add(4, [segment(4, 1, segment_cache.MAX_BYTES)])
    assert recent_ones.read(4, 1) == []


def test_what_it_forgot_it_does_not_answer() -> None:
    recent_ones = SegmentCache()
    recent_ones.add(0, [segment(0, 3)])
    recent_ones.clear()
    assert recent_ones.read(0, 1) == []
