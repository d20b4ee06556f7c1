"""Dead letters: events that were refused, with the reasons, until somebody retries or deletes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from eventlog.clock import Clock, now_us
from eventlog.registry.database import Database
from eventlog.registry.tables import dead_letters

_d = dead_letters.c


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was refused.

    Attributes
    ----------
    id
        Grows with every dead letter.
    stream
        Where it was posted to.
    body
        The event as it came; not always JSON.
    errors
        ``{"field", "message", ...}`` for each reason.
    received, retried
        When it came, and when a retry was accepted (None: not yet), in microseconds.
    """

    id: int
    stream: str
    body: bytes
    errors: list[dict[str, Any]]
    received: int
    retried: int | None


class DeadLetters:
    """The dead letters of a database."""

    def __init__(self, database: Database, clock: Clock = now_us):
        self.database = database
        self.clock = clock

    def add(self, stream: str, refused: Sequence[tuple[bytes, list[dict[str, Any]]]]) -> list[int]:
        """Keep refused events: (body, errors) each. Returns their ids, in the same order."""
        if not refused:
            return []
        with self.database.write() as connection:
            return insert_dead_letters(connection, stream, refused, self.clock())

    def list(
        self, stream: str, after_id: int = 0, limit: int = 100, *, newest: bool = False, retried: bool = True
    ) -> list[DeadLetter]:
        """Dead letters of a stream, in the order they came.

        Parameters
        ----------
        stream
            Where they were posted to.
        after_id
            Only those that came after this one; with `newest`, before it (0: from the newest on).
        limit
            At most this many.
        newest
            The newest first.
        retried
            Whether to show those that a retry brought in.
        """
        chosen = select(dead_letters).where(_d.stream == stream).limit(limit)
        if not newest:
            chosen = chosen.where(_d.id > after_id).order_by(_d.id)
        else:
            chosen = chosen.order_by(_d.id.desc())
            if after_id:
                chosen = chosen.where(_d.id < after_id)
        if not retried:
            chosen = chosen.where(_d.retried.is_(None))
        with self.database.read() as connection:
            return [_dead_letter(row) for row in connection.execute(chosen)]

    def count(self, stream: str) -> int:
        """How many dead letters of a stream wait for a retry."""
        chosen = select(func.count()).where(_d.stream == stream, _d.retried.is_(None))
        with self.database.read() as connection:
            return connection.execute(chosen).scalar_one()

    def get(self, id: int) -> DeadLetter | None:  # noqa: A002 (the word of the table)
        """A dead letter; None if there is none of this id."""
        with self.database.read() as connection:
            row = connection.execute(select(dead_letters).where(_d.id == id)).one_or_none()
        return None if row is None else _dead_letter(row)

    def delete(self, id: int) -> None:  # noqa: A002 (the word of the table)
        """Forget a dead letter."""
        with self.database.write() as connection:
            connection.execute(delete(dead_letters).where(_d.id == id))


def insert_dead_letters(
    connection: Connection, stream: str, refused: Sequence[tuple[bytes, list[dict[str, Any]]]], received: int
) -> list[int]:
    """Keep refused events, (body, errors) each, in the transaction of a connection. Returns their ids, in order."""
    rows = [
        {"stream": stream, "body": body, "errors": orjson.dumps(errors).decode(), "received": received}
        for body, errors in refused
    ]
    added = insert(dead_letters).returning(_d.id, sort_by_parameter_order=True)
    return list(connection.execute(added, rows).scalars())


def holds_dead_letter(connection: Connection, id: int, stream: str, body: bytes, received: int) -> bool:  # noqa: A002 (the word of the table)
    """Whether the dead letter of this id is there, and is this one."""
    same = (_d.id == id, _d.stream == stream, _d.body == body, _d.received == received)
    return connection.execute(select(func.count()).where(*same)).scalar_one() > 0


def set_retried(connection: Connection, id: int, now: int) -> None:  # noqa: A002 (the word of the table)
    """Note in the transaction of a connection that a retry of a dead letter was accepted."""
    connection.execute(update(dead_letters).where(_d.id == id).values(retried=now))


def _dead_letter(row: Row[Any]) -> DeadLetter:
    values = dict(row._mapping)
    errors = orjson.loads(values.pop("errors"))
    return DeadLetter(**values, errors=errors)
