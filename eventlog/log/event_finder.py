"""Finding one event by its id, hot or archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from anabranch import Cut
from eventlog.log import Log
from eventlog.log.segment import Record
from eventlog.registry.database import Database
from eventlog.registry.tables import ids

if TYPE_CHECKING:
    from eventlog.lake import Lake


class EventFinder:
    """Finds events by their ids.

    Parameters
    ----------
    database
        Where the log keeps its index of ids.
    log, lake
        Where the events are.
    """

    def __init__(self, database: Database, log: Log, lake: Lake):
        self.database = database
        self.log = log
        self.lake = lake

    def find(self, stream: str, id: str) -> Record | None:  # noqa: A002 (the word of the log)
        """The record of this id; None if the log never held one.

        The hot log is asked first: what leaves it meanwhile has been in the lake before.
        """
        offset = self._hot_offset(stream, id)
        if offset is None:
            return self.lake.find(stream, id)
        segment = self.log.read(Cut((offset,)), 1)[0]
        return next(segment.head(offset + 1).records())

    def _hot_offset(self, stream: str, id_: str) -> int | None:
        wanted = select(ids.c.offset).where(ids.c.stream == stream, ids.c.id == id_)
        with self.database.read() as connection:
            offset: int | None = connection.execute(wanted).scalar_one_or_none()
            return offset
