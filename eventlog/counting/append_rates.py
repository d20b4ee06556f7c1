"""How fast the log grew of late."""

from __future__ import annotations

from threading import Lock

from sqlalchemy import Connection, func, select

from eventlog.clock import Clock, now_us
from eventlog.registry.database import Database
from eventlog.registry.tables import heads, segments

BUCKET_US = 5_000_000
SPAN_US = 600_000_000

_s = segments.c
_bucket = (_s.appended // BUCKET_US).label("bucket")


class AppendRates:
    """Counts the events of the last minutes by the time they were appended.

    What was counted is remembered: a question costs what was appended since the one before.
    """

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock
        self._lock = Lock()
        self._end = 0
        self._counts: dict[int, dict[str, int]] = {}

    def by_bucket(self) -> list[tuple[int, dict[str, int]]]:
        """(start in microseconds, events by stream) of each bucket of the last minutes, the present one too.

        Raises
        ------
        LogUnavailableError
            If the database cannot answer.
        """
        with self._lock:
            newest = self.clock() // BUCKET_US
            oldest = newest - SPAN_US // BUCKET_US + 1
            self._count(oldest)
            self._counts = {bucket: counts for bucket, counts in self._counts.items() if bucket >= oldest}
            return [(bucket * BUCKET_US, self._counts.get(bucket, {})) for bucket in range(oldest, newest + 1)]

    def _count(self, oldest: int) -> None:
        """Count what was appended since the last time."""
        with self.database.read() as connection:
            start = self._end or _first_since(connection, oldest * BUCKET_US)
            rows = connection.execute(
                select(_s.stream, _bucket, func.sum(_s["count"]), func.max(_s.offset + _s["count"]))
                .where(_s.partition == 0, _s.offset >= start)
                .group_by(_s.stream, _bucket)
            ).all()
        for stream, bucket, count, end in rows:
            counts = self._counts.setdefault(bucket, {})
            counts[stream] = counts.get(stream, 0) + int(count)
            self._end = max(self._end, end)


def _first_since(connection: Connection, since: int) -> int:
    """An offset such that all that was appended from `since` on lies behind it: times grow with the offsets."""
    found = connection.execute(select(heads.c.first, heads.c.next).where(heads.c.partition == 0)).one_or_none()
    low, high = (0, 0) if found is None else found
    while low < high:
        middle = (low + high) // 2
        at = select(_s.offset, _s["count"], _s.appended).where(_s.partition == 0, _s.offset >= middle)
        row = connection.execute(at.order_by(_s.offset).limit(1)).one_or_none()
        if row is None or row.appended >= since:
            high = middle
        else:
            low = row.offset + row[1]
    return low
