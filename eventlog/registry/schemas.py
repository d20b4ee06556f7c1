"""The schemas of streams, remembered so that what stored events mean never changes.

At start an application registers its streams. A schema that changed is held against every stored event, once; what
fields mean that stored events lack is the default that was in force when the field came to the stream, for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import insert, select, update

from anabranch import App, Cut, Stream
from eventlog.clock import Clock, now_us
from eventlog.errors import SchemaChangedError
from eventlog.log import Log
from eventlog.registry.database import Database
from eventlog.registry.schema_description import Description, describe, lacking, with_history
from eventlog.registry.stored_fit import StoredLot, first_unfit, lots_of
from eventlog.registry.tables import schemas

if TYPE_CHECKING:
    from eventlog.lake import Lake

logger = logging.getLogger(__name__)
_TELL_SECONDS = 5.0
"""How often a long check says how far it is."""
_READ_RECORDS = 20_000


class Schemas:
    """The schemas of a database, by stream."""

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def register(self, app: App, log: Log, lake: Lake | None = None) -> None:
        """Remember the schemas of an application, and tell its streams what is remembered of them.

        Every schema that changed since is checked against all stored events of its stream: it streams over the lake
        and the hot log, and does so once, since a schema that passed is remembered.

        Parameters
        ----------
        log, lake
            What is stored; None: there is no lake.

        Raises
        ------
        SchemaChangedError
            At the first stored event that a schema does not fit; then nothing is remembered.
        LogUnavailableError
            If the database does not answer.
        """
        with self.database.read() as connection:
            known = {row.stream: orjson.loads(row.schema) for row in connection.execute(select(schemas))}
        registered: dict[str, Description] = {}
        for stream in app.streams.values():
            was, now = known.get(stream.name), describe(stream)
            recorded = lacking(stream)
            if was is not None:  # what was said first of a field holds: events that lack it were stored under that
                now, recorded = with_history(now, was), {**recorded, **was.get("lacking", {})}
            stream.recall(recorded)
            # an earlier release remembered less; what it did not is no change
            if was is not None and any(now.get(part) != said for part, said in was.items() if part != "lacking"):
                _check(stream, was, now, log, lake)
            registered[stream.name] = {**now, "lacking": recorded}
        changed = {name: schema for name, schema in registered.items() if schema != known.get(name)}
        if changed:
            self._remember(changed)  # all or nothing, and only now: a schema that is remembered is never checked again
            for name in changed:
                app.streams[name].recall(changed[name]["lacking"])

    def _remember(self, changed: dict[str, Description]) -> None:
        """Store descriptions. What another process said first of lacking fields holds, here too."""
        with self.database.write() as connection:
            stored = {row.stream: orjson.loads(row.schema) for row in connection.execute(select(schemas))}
            for name, schema in changed.items():
                schema["lacking"] = {**schema["lacking"], **stored.get(name, {}).get("lacking", {})}
                text = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()
                row = {"schema": text, "registered": self.clock()}
                if name in stored:
                    connection.execute(update(schemas).where(schemas.c.stream == name).values(row))
                else:
                    connection.execute(insert(schemas).values({"stream": name, **row}))


def _check(stream: Stream, was: Description, now: Description, log: Log, lake: Lake | None) -> None:
    """Raise `SchemaChangedError` if a stored event does not fit."""
    found = first_unfit(stream, was, now, _stored(stream.name, log, lake))
    if found is not None:
        raise SchemaChangedError(stream.name, found.offset, found.reason)


def _stored(stream: str, log: Log, lake: Lake | None) -> Iterator[StoredLot]:
    """All stored events of a stream, some thousands at a time; says how far it is when it takes long."""
    end = log.end().offsets[0]
    told = monotonic()
    for lot in _lots(stream, log, lake):
        yield lot
        if monotonic() - told > _TELL_SECONDS and lot.offsets:
            told = monotonic()
            at = lot.offsets[-1] + 1
            logger.info("stream %r has another schema: stored events up to 0:%d of 0:%d fit it", stream, at, end)


def _lots(stream: str, log: Log, lake: Lake | None) -> Iterator[StoredLot]:
    # Where the log begins is asked first: what was trimmed by then is in the lake by now. Asked behind the lake, it
    # would pass over what a batch run archives and trims meanwhile; asked before, `log.read` finds that in the lake.
    begin, archived = log.begin(), 0
    if lake is not None:
        archived = lake.archived(stream)
        for offsets, data in lake.events(stream, archived):
            yield StoredLot(offsets, data)
    position = max(Cut((archived,)), begin, key=lambda cut: cut.offsets[0])
    while segments := log.read(position, _READ_RECORDS):
        yield from lots_of(stream, (segment.tail(archived) for segment in segments))
        position = Cut((segments[-1].end,))
