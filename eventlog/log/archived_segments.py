"""Reading what is no longer hot, and the check that what is read is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from anabranch import SYSTEM, Cut
from eventlog.errors import CorruptLogError, RecordsTrimmedError
from eventlog.log.segment import Segment

if TYPE_CHECKING:
    from eventlog.lake import Lake


def read_archived(lake: Lake | None, start: int, first: int, limit: int) -> list[Segment]:
    """Records from `start` on out of the lake; the hot ones begin at `first`.

    Raises
    ------
    RecordsTrimmedError
        If the lake does not have them.
    """
    found = [] if lake is None else lake.read(Cut((start,)), min(max(limit, 1), first - start))
    if not found:
        raise RecordsTrimmedError(Cut((start,)), Cut((first,)))
    return abutting([segment.head(first) for segment in found if segment.offset < first], start)


def read_archived_system(lake: Lake | None, start: int, first: int) -> Iterator[Segment]:
    """The records of the system's stream in [`start`, `first`) out of the lake; the hot ones begin at `first`.

    Raises
    ------
    RecordsTrimmedError
        If the lake does not have them.
    """
    if start < first:
        if lake is None or lake.archived(SYSTEM) < first:
            raise RecordsTrimmedError(Cut((start,)), Cut((first,)))
        yield from lake.read_stream(SYSTEM, start, first)


def abutting(segments: list[Segment], start: int) -> list[Segment]:
    """The segments, if they follow each other from `start` on without gap or overlap; else `CorruptLogError`."""
    expected = start
    for segment in segments:
        if segment.offset != expected:
            where = f"partition {segment.partition} of the log"
            raise CorruptLogError(where, f"a record at offset {expected}", f"one at {segment.offset}")
        expected = segment.end
    return segments
