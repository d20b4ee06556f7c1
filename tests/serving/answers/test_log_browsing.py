"""Pages of a stream: bounded in what they look at and in what they answer, and together everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from serving.answers.log_browsing import browse

appends = st.lists(
    st.tuples(st.sampled_from(["mine", "other"]), st.lists(st.integers(0, 400), min_size=1, max_size=8)), max_size=12
)


def filled(of: list[tuple[str, list[int]]]) -> tuple[MemoryLog, list[int]]:
    """A log, and the offsets of its records of the stream `mine`."""
    log = MemoryLog()
    mine: list[int] = []
    for stream, sizes in of:
        count = len(sizes)
        data = [b'{"x":"%b"}' % (b"x" * size) for size in sizes]
        end = log.append(Append(stream, [None] * count, [None] * count, [1] * count, data)).position.offsets[0]
        mine += range(end - count, end) if stream == "mine" else ()
    return log, mine


@given(of=appends, limit=st.integers(1, 9), looked=st.integers(1, 12), room=st.integers(1, 1_500))
def test_pages_of_any_bounds_together_are_the_stream(
    of: list[tuple[str, list[int]]], limit: int, looked: int, room: int
) -> None:
    log, mine = filled(of)
    found: list[int] = []
    after = Cut((0,))
    while True:
        segments, further = browse(
            log, "mine", after, limit, looked_at_most=looked, read_most=looked, answered_bytes=room
        )
        page = [offset for segment in segments for offset in range(segment.offset, segment.end)]
        assert len(page) <= limit
        size = sum(len(segment.data) + len(segment.heads) for segment in segments)
        brackets = len(b"[]") + len(b"[[],[]]")
        assert len(page) == 1 or size <= room + brackets * len(segments)
        found += page
        if further == after:
            break
        after = further
    assert found == mine
    assert after == log.end()


def test_one_event_is_answered_however_large_it_is() -> None:
    log, _ = filled([("mine", [10_000, 10_000])])
    segments, further = browse(log, "mine", Cut((0,)), 10, answered_bytes=100)
    assert ([segment.count for segment in segments], str(further)) == ([1], "0:1")
