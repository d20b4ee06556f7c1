"""The watermark of a stream: the newest event time so far, however the log was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anabranch.watermarks import Watermarks, advance, joined, newest

STREAMS = st.sampled_from(["rides", "offers", "answers"])
EVENTS = st.lists(st.tuples(STREAMS, st.integers(-(2**62), 2**62)))


def watermarks_of(events: list[tuple[str, int]]) -> Watermarks:
    found: Watermarks = {}
    for stream, time in events:
        advance(found, stream, [time])
    return found


@given(EVENTS, EVENTS, EVENTS)
def test_parts_of_a_log_have_together_the_watermarks_of_the_whole(
    first: list[tuple[str, int]], second: list[tuple[str, int]], third: list[tuple[str, int]]
) -> None:
    whole = watermarks_of(first + second + third)
    parts = [watermarks_of(part) for part in (first, second, third)]
    assert joined(*parts) == whole
    assert joined(joined(parts[2], parts[0]), parts[1]) == whole
    assert whole == {
        stream: max(time for of, time in first + second + third if of == stream)
        for stream in {of for of, _ in first + second + third}
    }


def test_a_stream_without_events_has_none() -> None:
    watermarks: Watermarks = {}
    advance(watermarks, "rides", [])
    advance(watermarks, "rides", [None])
    assert watermarks == joined({}, {}) == {}
    assert newest() is None


def test_a_late_event_and_one_before_1970_change_nothing_that_was_newer() -> None:
    watermarks = {"rides": 0}
    advance(watermarks, "rides", [-5])
    assert watermarks == {"rides": 0}
    advance(watermarks, "offers", [-5, -7])
    assert watermarks == {"rides": 0, "offers": -5}
