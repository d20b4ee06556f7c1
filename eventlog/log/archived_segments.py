"""Reading what is no longer hot, and the check that what is read is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from anabranch import SYSTEM, Cut
from eventlog.errors import DatabaseDamagedError, LakeDamagedError, RecordsTrimmedError
from eventlog.log.segment import Segment

if TYPE_CHECKING:
    from eventlog.lake import Lake


def read_archived(lake: Lake | None, start: int, first: int, limit: int) -> list[Segment]:
    """Records from `start` on out of the lake; the hot ones begin at `first`.

    Raises
    ------
    RecordsTrimmedError
        If there is no lake, or nothing in it.
    LakeDamagedError
        If it lacks some of them.
    """
    found = [] if lake is None else lake.read(Cut((start,)), min(max(limit, 1), first - start))
    if lake is None or not found:
        raise RecordsTrimmedError(Cut((start,)), Cut((first,)))
    wanted = [segment.head(first) for segment in found if segment.offset < first]
    # where a table has lost a commit, what is found may all lie behind: nothing would look like the end of the log
    gap = _gap(wanted, start) if wanted else (start, first)
    if gap is not None:
        raise LakeDamagedError(lake.place, "lacks records that were archived", None, gap[0], max(gap))
    return wanted


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
    """The segments, if they follow each other from `start` on without gap or overlap; else `DatabaseDamagedError`."""
    gap = _gap(segments, start)
    if gap is not None:
        raise DatabaseDamagedError(f"after the records before 0:{gap[0]} come those from 0:{gap[1]} on")
    return segments


def _gap(segments: list[Segment], start: int) -> tuple[int, int] | None:
    """(offset where a segment should begin, where it does) of the first that does not; None: all do."""
    expected = start
    for segment in segments:
        if segment.offset != expected:
            return expected, segment.offset
        expected = segment.end
    return None
