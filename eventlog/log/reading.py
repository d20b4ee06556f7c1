"""Reading a log from one cut to another: the one loop around `Log.read`."""

from __future__ import annotations

from collections.abc import Iterator

from anabranch import Cut
from eventlog.log.log import Log
from eventlog.log.segment import Segment


def read_through(log: Log, start: Cut, end: Cut | None = None, records: int = 10_000) -> Iterator[list[Segment]]:
    """The records of ``[start, end)`` in order, hot or from the lake, read by read: segments that abut, never none.

    The log is read when the next of them are asked for, so that who stops in between goes on from where he is.

    Parameters
    ----------
    end
        Where to stop, which may be within a segment; None: where the log ends when the reading gets there.
    records
        About how many records are read at once.

    Raises
    ------
    LogUnavailableError, RecordsTrimmedError, CorruptLogError
        As `Log.read` does.
    """
    offset = start.offsets[0]
    stop = None if end is None else end.offsets[0]
    while stop is None or offset < stop:
        found = log.read(Cut((offset,)), records)
        if stop is not None:
            found = [segment.head(stop) for segment in found if segment.offset < stop]
        if not found:
            return
        offset = found[-1].end
        yield found
