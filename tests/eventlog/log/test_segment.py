from __future__ import annotations

from array import array

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import Segment
from eventlog.errors import CorruptLogError
from eventlog.log.segment import pack_times, unpack_times

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
