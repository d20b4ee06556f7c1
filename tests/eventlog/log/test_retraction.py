"""What every reader sees of a log out of which events were taken: all the others, at their places."""

from __future__ import annotations

from array import array

import orjson
from hypothesis import given
from hypothesis import strategies as st

from eventlog.log.archived_segments import abutting
from eventlog.log.retraction import RETRACTED, without
from eventlog.log.segment import Record, Segment

SIZES = st.lists(st.integers(1, 5), max_size=5)


def segments(sizes: list[int]) -> list[Segment]:
    found, offset = [], 7
    for number, size in enumerate(sizes):
        ids = [f"{offset + at}" for at in range(size)]
        data = orjson.dumps([{"n": offset + at} for at in range(size)])
        heads = orjson.dumps((ids, [None] * size))
        found.append(Segment(0, offset, f"s{number % 2}", 1, array("q", range(size)), heads, data))
        offset += size
    return found


def records(found: list[Segment]) -> list[Record]:
    return [record for segment in found for record in segment.records()]


@given(SIZES, st.sets(st.integers(0, 35)))
def test_only_what_was_taken_out_reads_as_of_another_stream_and_every_offset_stays(
    sizes: list[int], retracted: set[int]
) -> None:
    whole = segments(sizes)
    found = without(whole, dict.fromkeys(retracted, 99))
    assert abutting(found, 7) == found, "no gap, no overlap"
    assert all(segment.count for segment in found)
    for before, after in zip(records(whole), records(found), strict=True):
        taken_out = before.offset in retracted
        assert after.stream == (RETRACTED if taken_out else before.stream)
        assert (after.offset, after.id, after.data, after.time) == (before.offset, before.id, before.data, before.time)


@given(SIZES)
def test_where_nothing_was_taken_out_segments_are_as_they_were(sizes: list[int]) -> None:
    whole = segments(sizes)
    assert without(whole, {}) == whole
    assert all(one is other for one, other in zip(without(whole, {5: 6}), whole, strict=True))
