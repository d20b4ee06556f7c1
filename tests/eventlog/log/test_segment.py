from __future__ import annotations

from array import array
from collections.abc import Iterable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import Segment
from eventlog.errors import CorruptLogError
from eventlog.log.segment import joined, pack_times, unpack_times

texts = st.none() | st.text(st.characters(codec="utf-8"))
events = st.dictionaries(
    st.text(st.characters(codec="utf-8")), st.integers(-9, 9) | texts | st.lists(texts, max_size=2)
)
layouts = st.sampled_from([0, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE])


@given(
    offset=st.integers(0, 2**40),
    rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), texts, texts, events, layouts), min_size=1, max_size=6),
    cut=st.integers(0, 7),
)
def test_a_segment_gives_back_what_it_was_made_of_wherever_it_is_cut(
    offset: int, rows: list[tuple[int, str | None, str | None, dict[str, object], int]], cut: int
) -> None:
    times, ids, keys, data, layout = map(list, zip(*rows, strict=True))
    texts = [orjson.dumps(event, option=option) for event, option in zip(data, layout, strict=True)]
    segment = Segment.of(0, offset, "s", 9, times, ids, keys, texts)
    assert [orjson.loads(event) for event in segment.events()] == data
    assert (segment.ids(), segment.keys(), list(segment.times)) == (ids, keys, times)
    assert unpack_times(pack_times(segment.times)) == segment.times
    tail, head = segment.tail(offset + cut), segment.head(offset + cut)
    assert (head.count, tail.count) == (min(cut, len(rows)), max(len(rows) - cut, 0))
    assert [*head.records(), *tail.records()] == list(segment.records())
    assert orjson.loads(head.data) + orjson.loads(tail.data) == data


def test_times_are_stored_little_endian() -> None:
    assert pack_times(array("q", [1, -1])) == b"\1\0\0\0\0\0\0\0" + b"\xff" * 8


def test_a_json_array_that_was_written_elsewhere_can_be_cut_too() -> None:
    data = orjson.dumps([{"a": 1}, {"a": ",\n"}])
    segment = Segment(0, 5, "s", 9, array("q", [1, 2]), b'[["x","y"],[null,null]]', data)
    assert [record.data for record in segment.tail(6).records()] == [{"a": ",\n"}]


def test_a_segment_with_more_times_than_events_is_corrupt() -> None:
    segment = Segment(0, 5, "s", 9, array("q", [1, 2]), b"[[null,null],[null,null]]", b'[{"a":1}]')
    with pytest.raises(CorruptLogError, match=r"segment 0:5 of stream 's': expected 2 events, found 1"):
        segment.events()


# joined

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
