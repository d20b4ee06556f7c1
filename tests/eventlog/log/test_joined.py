from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from eventlog.log.segment import Segment, joined

pieces = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), max_size=12)


def segments(pieces: list[tuple[str, int]]) -> list[Segment]:
    made: list[Segment] = []
    offset = 0
    for stream, count in pieces:
        events = [b'{"n": %d}' % (offset + i) for i in range(count)]
        ids: list[str | None] = [f"i{offset + i}" for i in range(count)]
        made.append(Segment.of(0, offset, stream, 0, list(range(count)), ids, [None] * count, events))
        offset += count
    return made


def content(segments: Iterable[Segment]) -> list[tuple[object, ...]]:
    return [(r.offset, r.stream, r.time, r.id, r.key, r.data) for segment in segments for r in segment.records()]


@given(pieces=pieces, most=st.integers(1, 10))
def test_joined_segments_hold_the_same_records_in_order(pieces: list[tuple[str, int]], most: int) -> None:
    plain = segments(pieces)
    together = list(joined(plain, most))
    assert content(together) == content(plain)
    assert [e for s in together for e in s.events()] == [e for s in plain for e in s.events()]
    assert all(segment.count <= max(most, 4) for segment in together)


def test_neighbours_of_one_stream_become_one_segment() -> None:
    assert [s.count for s in joined(segments([("a", 2), ("a", 3), ("b", 1), ("a", 4)]), 100)] == [5, 1, 4]
