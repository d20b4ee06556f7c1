"""Moves sealed records from the hot log into the lake, and finds what is old enough to leave the hot log."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anabranch import SYSTEM, App, Cut
from eventlog.lake import Lake
from eventlog.log import Log
from eventlog.log.segment import Segment

WINDOW_BYTES = 128_000_000
WINDOW_RECORDS = 1_000_000
"""What is in memory at a time, in bytes of event data or in records."""
READ_RECORDS = 20_000


def archive(log: Log, lake: Lake, app: App, cut: Cut, advance: Callable[[int], None]) -> None:
    """Archive all records before `cut`, of every stream that the log holds, exactly once.

    It passes over the log once, a window at a time. The system's stream comes last in every window: what it has
    archived, all have. A run that is killed before leaves streams that are further; they take what they lack.

    Parameters
    ----------
    advance
        Called with the number of records after every few of them.
    """
    for segments, upto in _windows(log, lake.archived(SYSTEM), cut.offsets[0]):
        for name in sorted({segment.stream for segment in segments} - {SYSTEM}):
            lake.archive(app.streams.get(name, name), segments, upto, advance)
        lake.archive(SYSTEM, segments, upto, advance)


def pending(lake: Lake, cut: Cut) -> int:
    """How many records before `cut` wait to be archived."""
    return cut.offsets[0] - lake.archived(SYSTEM)


def trimmable(log: Log, archived: Cut, appended_before: int) -> Cut:
    """The cut before which the hot log can go: all is archived, and was appended before `appended_before` (µs)."""
    position = log.begin()
    while position.offsets[0] < archived.offsets[0]:
        for segment in log.read(position, READ_RECORDS):
            if segment.end > archived.offsets[0] or segment.appended >= appended_before:
                return position
            position = Cut((segment.end,))
    return position


def _windows(log: Log, start: int, end: int) -> Iterator[tuple[list[Segment], int]]:
    """The segments of ``[start, end)`` in windows of bounded memory, each with the offset where it ends."""
    window: list[Segment] = []
    size = records = 0
    while start < end:
        segments = [segment.head(end) for segment in log.read(Cut((start,)), READ_RECORDS) if segment.offset < end]
        start = segments[-1].end
        window += segments
        size += sum(len(segment.data) + len(segment.heads) for segment in segments)
        records += sum(segment.count for segment in segments)
        if size >= WINDOW_BYTES or records >= WINDOW_RECORDS or start >= end:
            yield window, start
            window, size, records = [], 0, 0
