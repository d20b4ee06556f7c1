"""Requests with an Idempotency-Key: the second one with a key is told what the first was, and writes nothing.

What was told is stored in the very transaction that the request writes, so that it is there exactly if its effect is:
whoever got no answer, whatever was killed, asks again under the same key. Writers are in order behind the head of the
log, so of two at once, in whichever process, one is the first. Answers go with the hot log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from anabranch import Cut
from eventlog.errors import KeyReusedError
from eventlog.log.prepared_statement import PreparedStatement
from eventlog.registry.tables import idempotent_requests

if TYPE_CHECKING:
    from eventlog.log.log import Appended

_r = idempotent_requests.c
_FIND = PreparedStatement(select(_r.request, _r.answer, _r.offset).where(_r.key == bindparam("its_key")))
_ADD = PreparedStatement(insert(idempotent_requests))
_DROP = delete(idempotent_requests).where(_r.offset < bindparam("before"))


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that is carried out once.

    Attributes
    ----------
    key
        Chosen by whoever asks.
    digest
        Of all that is asked: another request with the same key is refused.
    answer
        What will be told, by what became of the append. Called by the writer thread before it commits: it is quick,
        and does nothing else.
    """

    key: str
    digest: str
    answer: Callable[[Appended], bytes]


class Answered(NamedTuple):
    """What was told to the first request with a key.

    Attributes
    ----------
    digest
        Of what was asked.
    answer
        What was told.
    position
        Who has seen the log before it has seen all that the request wrote.
    """

    digest: str
    answer: bytes
    position: Cut

    def repeated(self, key: str, digest: str) -> Answered:
        """The answer to another request with the key; raises `KeyReusedError` if that asks something else."""
        if digest != self.digest:
            raise KeyReusedError(key)
        return self


def find_answered(connection: Connection, key: str) -> Answered | None:
    """The first request with a key; None: there was none, as far as the hot log reaches back."""
    rows = _FIND.rows(connection, {"its_key": key})
    if not rows:
        return None
    digest, answer, offset = rows[0]
    return Answered(digest, bytes(answer), Cut((offset,)))


def add_answered(connection: Connection, by_key: Mapping[str, Answered]) -> None:
    """Remember what was told, by key."""
    rows = [
        {"key": key, "request": told.digest, "answer": told.answer, "offset": told.position.offsets[0]}
        for key, told in by_key.items()
    ]
    if rows:
        _ADD.run(connection, *rows)


def drop_answered(connection: Connection, before: int) -> None:
    """Forget the requests that were carried out before an offset."""
    connection.execute(_DROP, {"before": before})
