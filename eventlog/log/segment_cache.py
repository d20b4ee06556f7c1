"""The newest segments, as they went into the database: a reader that keeps up finds them here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from threading import Lock

from eventlog.log.segment import Segment

MAX_BYTES = 8 * 2**20
MAX_SEGMENTS = 256
_offset = attrgetter("offset")


class SegmentCache:
    """What this process committed last, without a gap up to its last commit. Safe to use from many threads.

    It is a shortcut and never the truth: what it does not hold may be in the database all the same.
    """

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._bytes = 0
        self._lock = Lock()

    def add(self, offset: int, committed: Sequence[Segment]) -> None:
        """Take the segments of a commit that began at `offset`, once they are visible."""
        with self._lock:
            if self._segments and self._segments[-1].end != offset:
                # Another process wrote in between. With a gap in them, segments would be handed out as if they abutted,
                # and a reader would take that for a log that is damaged. What is forgotten is in the database.
                self._forget(len(self._segments))
            self._segments += committed
            self._bytes += sum(map(_bytes, committed))
            gone, excess = 0, self._bytes - MAX_BYTES
            while gone < len(self._segments) and (excess > 0 or len(self._segments) - gone > MAX_SEGMENTS):
                excess -= _bytes(self._segments[gone])
                gone += 1
            self._forget(gone)

    def read(self, start: int, limit: int) -> list[Segment]:
        """The segments that hold records of ``[start, start + limit)``; none if `start` is not here."""
        with self._lock:
            first = bisect_right(self._segments, start, key=_offset) - 1  # the last that begins at `start` or before
            if first < 0 or self._segments[-1].end <= start:
                return []
            return self._segments[first : bisect_right(self._segments, start + limit - 1, key=_offset)]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._forget(len(self._segments))

    def _forget(self, count: int) -> None:
        self._bytes -= sum(map(_bytes, self._segments[:count]))
        del self._segments[:count]


def _bytes(segment: Segment) -> int:
    return len(segment.data) + len(segment.heads) + 8 * len(segment.times)
