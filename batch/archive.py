"""Moves sealed records from the hot log into the lake, and drops from the hot log what is old and safely there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anabranch import SYSTEM, App, Cut
from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.mending import mend_commits, mend_records
from eventlog.log import Log
from eventlog.log.reading import read_through
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


def mend_archived(log: Log, lake: Lake, app: App) -> Iterator[str]:
    """Mend the lake as far as that can be done; a sentence for each thing that was. See `eventlog.lake.mending`.

    Raises
    ------
    LakeDamagedError
        At the first file that cannot be mended.
    """
    begin = log.begin().offsets[0]

    def hot(start: int, end: int) -> Iterator[Segment]:
        for segments in read_through(log, Cut((start,)), Cut((end,)), READ_RECORDS):
            yield from segments

    yield from mend_commits(lake, app.streams)
    yield from mend_records(lake, app.streams, hot, begin, lake.archived(SYSTEM))


def check_archived(log: Log, lake: Lake) -> None:
    """Hold the lake against what was archived: it has every record, and reaches to where the hot log begins.

    Raises
    ------
    LakeDamagedError
        If it lacks records.
    """
    archived, begin = lake.archived(SYSTEM), log.begin().offsets[0]
    lake.check_whole(archived)
    if archived < begin:
        problem = f"ends before the hot log begins, which is at 0:{begin}"
        raise LakeDamagedError(lake.place, problem, None, archived, begin)


def trim(log: Log, lake: Lake, archived: Cut, appended_before: int) -> None:
    """Drop from the hot log what was appended before `appended_before` (µs), and what the lake was found to hold.

    Raises
    ------
    LakeDamagedError
        If the lake's copy of it is damaged. The hot log keeps everything.
    """
    before = trimmable(log, archived, appended_before)
    lake.check(log.begin().offsets[0], before.offsets[0])
    log.trim(before)


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
