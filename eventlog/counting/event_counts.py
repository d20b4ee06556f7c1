"""How many events each stream has."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import select

from eventlog.registry.database import Database
from eventlog.registry.tables import segments

if TYPE_CHECKING:
    from eventlog.lake import Lake

_s = segments.c


class EventCounts:
    """Counts the events of every stream: in the lake as its tables say, behind it by the hot segments.

    What was counted is remembered: only the first call looks at all of it.
    """

    def __init__(self, database: Database, lake: Lake):
        self.database = database
        self.lake = lake
        self._lock = Lock()
        self._end = 0
        self._by_stream: dict[str, int] = {}

    def by_stream(self) -> dict[str, int]:
        """The number of events by stream, of those that have any."""
        with self._lock:
            hot = self._hot()  # before the lake is looked at: what is archived and trimmed meanwhile is not missed
            archived = self._count_archived() if self._end == 0 else {}
            for stream, offset, count in hot:
                if offset >= archived.get(stream, 0):
                    self._by_stream[stream] = self._by_stream.get(stream, 0) + count
                    self._end = max(self._end, offset + count)
            return {name: count for name, count in self._by_stream.items() if count}

    def _hot(self) -> list[tuple[str, int, int]]:
        """(stream, offset, count) of the hot segments that were not counted yet."""
        with self.database.read() as connection:
            rows = connection.execute(select(_s.stream, _s.offset, _s["count"]).where(_s.offset >= self._end))
            return [(row[0], row[1], row[2]) for row in rows]

    def _count_archived(self) -> dict[str, int]:
        """Count what is in the lake; returns for each stream the offset up to which that is all of it."""
        archived = {name: self.lake.archived(name) for name in self.lake.streams()}
        self._by_stream = {name: self.lake.count(name) for name in archived}
        return archived
