"""Keeping dead letters: identical ones are one letter with a count, and the oldest make room for new ones.

Whoever may post can have events refused, so what is kept of them is bounded: by number and by bytes, in every stream by
itself, so that one stream's flood does not wash away another's. What goes is counted, and told wherever letters are.

Letters and the totals of their stream change in one transaction, which begins with the row of the totals: on PostgreSQL
that is the lock under which two processes keep letters of a stream one after the other. Everything that writes letters
is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from eventlog.registry.tables import dead_letter_totals, dead_letters

RefusedEvent = tuple[bytes, list[dict[str, Any]]]
"""(body, errors) of an event that was not valid: see `eventlog.registry.dead_letters.DeadLetter`."""
DROPPED_AT_ONCE = 10_000
"""Letters that make room in one transaction, beyond as many as came: what an earlier release piled up goes by and by,
and no commit waits for all of it."""
_LOOKED_UP = 500
_d, _t = dead_letters.c, dead_letter_totals.c
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class LetterBounds:
    """What is kept of the dead letters of a stream, at most; one letter is, however large.

    Attributes
    ----------
    letters
        How many.
    bytes
        Of their bodies and errors.
    """

    letters: int = 100_000
    bytes: int = 256 * 2**20


KEPT = LetterBounds()
"""What is kept where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Identical events that were refused once, and are in now.

    Attributes
    ----------
    letter
        The id of their dead letter.
    events
        How many of those that it stands for; None: all, for what has an id can be in only once.
    """

    letter: int
    events: int | None = None


@dataclass(slots=True)
class _Identical:
    """Events of one commit with the same body and reasons; `errors` are those of the last."""

    body: bytes
    errors: str
    count: int = 0

    @property
    def bytes(self) -> int:
        return len(self.body) + len(self.errors.encode())


def keep_letters(
    connection: Connection, stream: str, refused: Sequence[RefusedEvent], now: int, bounds: LetterBounds
) -> list[int]:
    """Keep refused events, in the transaction of a connection.

    Returns
    -------
    list of int
        For each event, in order, the id of the letter that stands for it.
    """
    _lock_totals(connection, stream)
    digests = [digest_of(body, errors) for body, errors in refused]
    by_digest: dict[bytes, _Identical] = {}
    for digest, (body, errors) in zip(digests, refused, strict=True):
        found = by_digest.pop(digest, None) or _Identical(body, "")  # what came last stands last, and goes last
        found.errors = orjson.dumps(errors).decode()
        found.count += 1
        by_digest[digest] = found
    known = waiting_letters(connection, stream, list(by_digest))
    repeated = [digest for digest in by_digest if digest in known]
    new = [digest for digest in by_digest if digest not in known]
    if repeated:
        connection.execute(
            update(dead_letters)
            .where(_d.id == bindparam("its_id"))
            .values(
                {"count": _d["count"] + bindparam("more"), "last": now, "errors": bindparam("its_errors")}
                | {"bytes": bindparam("its_bytes")}
            ),
            [
                {"its_id": known[d].id, "more": item.count, "its_errors": item.errors, "its_bytes": item.bytes}
                for d, item in ((digest, by_digest[digest]) for digest in repeated)
            ],
        )
    id_by_digest = {digest: known[digest].id for digest in repeated}
    if new:
        id_by_digest |= zip(new, _insert(connection, stream, [(d, by_digest[d]) for d in new], now), strict=True)
    grown = sum(item.bytes for item in by_digest.values()) - sum(known[digest].bytes for digest in repeated)
    _change_totals(
        connection, stream, letters=len(new), bytes=grown, waiting=len(refused), added=len(refused), dropped=0
    )
    _make_room(connection, stream, bounds, len(new))
    return [id_by_digest[digest] for digest in digests]


def note_retry(connection: Connection, retry: Retry, now: int) -> None:
    """Note in the transaction of a connection that events of a dead letter are in the log now."""
    waits = (_d.id == retry.letter, _d.retried.is_(None))
    stream = connection.execute(select(_d.stream).where(*waits)).scalar_one_or_none()
    if stream is not None:
        _lock_totals(connection, stream)
    count = connection.execute(select(_d["count"]).where(*waits)).scalar_one_or_none()
    if stream is None or count is None:  # it made room meanwhile, or was deleted
        return
    # identical ones may have come since it was looked at: with an id they are in as well, without one they wait on
    done = count if retry.events is None else min(retry.events, count)
    values: dict[str, Any] = {"retried": now} if done == count else {"count": _d["count"] - done}
    connection.execute(update(dead_letters).where(_d.id == retry.letter).values(values))
    _change_totals(connection, stream, waiting=-done)


def forget_letter(connection: Connection, id: int) -> None:  # noqa: A002 (the word of the table)
    """Forget a dead letter because somebody wants it."""
    stream = connection.execute(select(_d.stream).where(_d.id == id)).scalar_one_or_none()
    if stream is not None:
        _lock_totals(connection, stream)
        _drop(connection, stream, [id], told=False)


def digest_of(body: bytes, errors: Sequence[dict[str, Any]]) -> bytes:
    """What identical events have in common: the body, and what is wrong with it.

    Messages are left out: they may tell the time, as that of an event too far ahead does, or the row of a file.
    """
    reasons = [(error.get("field"), error.get("type")) for error in errors]
    return blake2b(orjson.dumps(reasons) + b"\n" + body, digest_size=16).digest()


class WaitingLetter(NamedTuple):
    """What of a letter is looked at to join an event to it; the errors as they are stored."""

    id: int
    bytes: int
    errors: str


def waiting_letters(connection: Connection, stream: str, digests: Sequence[bytes]) -> dict[bytes, WaitingLetter]:
    """The letters that wait, by digest."""
    found: dict[bytes, WaitingLetter] = {}
    for some in _lots(digests):
        chosen = select(_d.digest, _d.id, _d.bytes, _d.errors).where(
            _d.stream == stream, _d.digest.in_(some), _d.retried.is_(None)
        )
        found |= {bytes(digest): WaitingLetter(*rest) for digest, *rest in connection.execute(chosen)}
    return found


def _insert(connection: Connection, stream: str, items: Sequence[tuple[bytes, _Identical]], now: int) -> Iterator[int]:
    rows = [
        {
            "stream": stream,
            "body": item.body,
            "errors": item.errors,
            "received": now,
            "count": item.count,
            "last": now,
            "bytes": item.bytes,
            "digest": digest,
        }
        for digest, item in items
    ]
    added = insert(dead_letters).returning(_d.id, sort_by_parameter_order=True)
    yield from connection.execute(added, rows).scalars()


# room


def _make_room(connection: Connection, stream: str, bounds: LetterBounds, came: int) -> None:
    """Drop the letters that have not come again for longest, until the others are within the bounds."""
    totals = connection.execute(select(_t.letters, _t.bytes).where(_t.stream == stream)).one()
    letters, size = totals
    if letters <= bounds.letters and size <= bounds.bytes:
        return
    oldest = (
        select(_d.id, _d.bytes)
        .where(_d.stream == stream)
        .order_by(_d.last, _d.id)
        .limit(min(letters - 1, came + DROPPED_AT_ONCE))
    )
    going = []
    for id_, own in connection.execute(oldest).all():
        if letters <= bounds.letters and size <= bounds.bytes:
            break
        going.append(id_)
        letters, size = letters - 1, size - own
    _drop(connection, stream, going, told=True)


def _drop(connection: Connection, stream: str, ids: Sequence[int], *, told: bool) -> None:
    """Delete letters; `told`: those that waited count as dropped."""
    letters = size = waiting = 0
    for some in _lots(ids):
        gone = delete(dead_letters).where(_d.id.in_(some)).returning(_d.bytes, _d["count"], _d.retried)
        for own, count, retried in connection.execute(gone):
            letters, size = letters + 1, size + own
            waiting += count if retried is None else 0
    dropped = waiting if told else 0
    _change_totals(connection, stream, letters=-letters, bytes=-size, waiting=-waiting, dropped=dropped)


def _lock_totals(connection: Connection, stream: str) -> None:
    """Make the row of a stream's totals if there is none, and hold it until the end of the transaction."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    zero = dict.fromkeys(("letters", "bytes", "waiting", "dropped", "added"), 0)
    connection.execute(dialect.insert(dead_letter_totals).values({"stream": stream, **zero}).on_conflict_do_nothing())
    connection.execute(select(_t.stream).where(_t.stream == stream).with_for_update())


def _change_totals(connection: Connection, stream: str, **changes: int) -> None:
    changed = {name: dead_letter_totals.c[name] + change for name, change in changes.items()}
    connection.execute(update(dead_letter_totals).where(_t.stream == stream).values(changed))


def _lots(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as a statement may name."""
    for start in range(0, len(items), _LOOKED_UP):
        yield items[start : start + _LOOKED_UP]
