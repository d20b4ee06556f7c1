"""The id of a log, made with it: everything that was made of a log names it, and is refused by every other log."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from eventlog.clock import Clock
from eventlog.log import segment_rows
from eventlog.registry.database import Database
from eventlog.registry.tables import heads, log_identity


def new_id() -> str:
    """An id that no other log has."""
    return str(uuid4())


def opened_id(database: Database, partition: int, clock: Clock) -> str:
    """The id of the log in a database. A log that has none, or is not there yet, is given one.

    Raises
    ------
    LogUnavailableError
        If the database cannot answer now.
    """
    with database.read() as connection:
        known = _stored(connection)
    if known is not None:
        return known
    with database.write() as connection:
        database.insert_if_absent(connection, heads, partition=partition, first=0, next=0)
        # of several processes that open a new log at once, one at a time holds its head: all get the same id
        segment_rows.lock_head(connection, partition)
        known = _stored(connection)
        if known is None:
            known = new_id()
            connection.execute(insert(log_identity).values(id=known, created=clock()))
        return known


def bound_store(database: Database) -> str | None:
    """The id of the store that the log is archived in; None: it is not archived yet, or an earlier release did it."""
    with database.read() as connection:
        store: str | None = connection.execute(select(log_identity.c.store)).scalar_one()
        return store


def bind_store(database: Database, store: str, *, anew: bool = False) -> str:
    """Have the log archived in a store, unless it is in another already (`anew`: even so); returns which it is then."""
    with database.write() as connection:
        if not anew:
            connection.execute(update(log_identity).where(log_identity.c.store.is_(None)).values(store=store))
        else:
            connection.execute(update(log_identity).values(store=store))
        bound: str = connection.execute(select(log_identity.c.store)).scalar_one()
        return bound


def _stored(connection: Connection) -> str | None:
    id_: str | None = connection.execute(select(log_identity.c.id)).scalar_one_or_none()
    return id_
