"""Dead letters: events that were refused, with the reasons, until somebody retries or deletes them.

`letter_keeping` says which are kept, and for how long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, select

from eventlog.clock import Clock, now_us
from eventlog.registry.database import Database
from eventlog.registry.letter_keeping import (
    KEPT,
    LetterBounds,
    RefusedEvent,
    forget_letter,
    keep_letters,
)
from eventlog.registry.tables import dead_letter_totals, dead_letters

_d, _t = dead_letters.c, dead_letter_totals.c


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Identical events of one stream that were refused for the same reasons: one, or many.

    Attributes
    ----------
    id
        Grows with every dead letter.
    stream
        Where it was posted to.
    body
        The event as it came; not always JSON.
    errors
        ``{"field", "message", ...}`` for each reason; of the newest of them.
    received, last
        When the first and the newest of them came, in microseconds.
    count
        How many they are.
    retried
        When a retry was accepted (None: not yet), in microseconds. What comes later is another letter.
    """

    id: int
    stream: str
    body: bytes
    errors: list[dict[str, Any]]
    received: int
    last: int
    count: int
    retried: int | None


@dataclass(frozen=True, slots=True)
class LetterTotals:
    """What became of all refused events of a stream.

    Attributes
    ----------
    letters, bytes
        Dead letters that are kept, retried ones included, and what they take.
    waiting
        Events that wait for a retry.
    dropped
        Events that waited and are gone, because they were the oldest and there was no room.
    added
        Events that were ever refused and kept.
    """

    letters: int = 0
    bytes: int = 0
    waiting: int = 0
    dropped: int = 0
    added: int = 0


class DeadLetters:
    """The dead letters of a database.

    Parameters
    ----------
    bounds
        What `add` keeps of each stream at most.
    """

    def __init__(self, database: Database, clock: Clock = now_us, bounds: LetterBounds = KEPT):
        self.database = database
        self.clock = clock
        self.bounds = bounds

    def add(self, stream: str, refused: Sequence[RefusedEvent]) -> list[int]:
        """Keep refused events: (body, errors) each. Returns the ids of their letters, in the same order."""
        if not refused:
            return []
        with self.database.write() as connection:
            return keep_letters(connection, stream, refused, self.clock(), self.bounds)

    def list(
        self,
        stream: str,
        after_id: int = 0,
        limit: int = 100,
        *,
        newest: bool = False,
        retried: bool = True,
        most_bytes: int | None = None,
    ) -> list[DeadLetter]:
        """Dead letters of a stream, in the order they first came.

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
        most_bytes
            At most so many bytes of bodies and errors, but one letter however large; None: as many as there are.
        """
        wanted = [_d.stream == stream]
        if not retried:
            wanted.append(_d.retried.is_(None))
        if not newest:
            wanted.append(_d.id > after_id)
        elif after_id:
            wanted.append(_d.id < after_id)
        order = _d.id.desc() if newest else _d.id
        with self.database.read() as connection:
            if most_bytes is not None:  # looked at first: a driver may fetch all that a statement finds
                sizes = select(_d.id, _d.bytes).where(*wanted).order_by(order).limit(limit)
                limit = _fitting([row.bytes for row in connection.execute(sizes)], most_bytes)
            chosen = select(dead_letters).where(*wanted).order_by(order).limit(limit)
            return [_dead_letter(row) for row in connection.execute(chosen)]

    def totals(self, stream: str) -> LetterTotals:
        """What became of all refused events of a stream."""
        chosen = select(_t.stream, _t.letters, _t.bytes, _t.waiting, _t.dropped, _t.added).where(_t.stream == stream)
        with self.database.read() as connection:
            row = connection.execute(chosen).one_or_none()
        return LetterTotals() if row is None else LetterTotals(*row[1:])

    def count(self, stream: str) -> int:
        """How many refused events of a stream wait for a retry."""
        return self.totals(stream).waiting

    def get(self, id: int) -> DeadLetter | None:  # noqa: A002 (the word of the table)
        """A dead letter; None if there is none of this id."""
        with self.database.read() as connection:
            row = connection.execute(select(dead_letters).where(_d.id == id)).one_or_none()
        return None if row is None else _dead_letter(row)

    def delete(self, id: int) -> None:  # noqa: A002 (the word of the table)
        """Forget a dead letter."""
        with self.database.write() as connection:
            forget_letter(connection, id)


def _fitting(sizes: Sequence[int], most_bytes: int) -> int:
    """How many of the first have room together; at least one, where there is one."""
    count, room = 0, most_bytes
    for size in sizes:
        room -= size
        if room < 0 and count:
            break
        count += 1
    return count


def _dead_letter(row: Row[Any]) -> DeadLetter:
    values = {name: value for name, value in row._mapping.items() if name not in ("bytes", "digest")}
    return DeadLetter(**values | {"errors": orjson.loads(values["errors"])})
