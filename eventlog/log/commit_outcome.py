"""What became of a commit that raised: an error at COMMIT leaves open whether the transaction is in the database.

The connection may have broken before COMMIT arrived, or just before its answer did. Nobody can tell but the database
itself, by what it holds. Offsets are dense and each belongs to one segment for ever, so the segment where the commit
began is either there, or another process wrote its own there, or none did.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from eventlog.errors import LogUnavailableError
from eventlog.log import segment_rows
from eventlog.log.segment import Segment
from eventlog.registry.database import Database
from eventlog.registry.letter_keeping import holds_letter

PATIENCE_SECONDS = 10.0
"""How long a database that is away is asked again: a restart takes some seconds, and the writer waits meanwhile."""
_AGAIN_SECONDS = 0.1


class StoredLetter(NamedTuple):
    """A dead letter, as a transaction stored it."""

    id: int
    stream: str
    body: bytes
    received: int


class Written(NamedTuple):
    """What a transaction held when its COMMIT began. All of it is in the database, or nothing.

    Attributes
    ----------
    start, end
        The offsets of its records: ``[start, end)``.
    segments
        These records.
    letter
        One of its dead letters; None: it has none.
    """

    start: int
    end: int
    segments: list[Segment]
    letter: StoredLetter | None


def was_committed(database: Database, partition: int, written: Written, patience_seconds: float) -> bool:
    """Whether the database holds what a transaction wrote whose COMMIT raised.

    Raises
    ------
    LogUnavailableError
        If the database could not be asked in time: then nobody knows.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return _holds(database, partition, written)
        except Exception as error:  # whatever keeps it from being asked: to guess could double or lose events
            if time.monotonic() >= deadline:
                raise LogUnavailableError(
                    f"it went away during a commit, and whether that was written is not known: {error}"
                ) from error
        time.sleep(_AGAIN_SECONDS)


def _holds(database: Database, partition: int, written: Written) -> bool:
    with database.write() as connection:
        # the lock that every writer holds until it ends: a COMMIT that the server is still at is waited for
        head = segment_rows.lock_head(connection, partition)
        if not written.segments:
            # all were duplicates, and repeating does no harm; or there are dead letters alone
            return written.letter is not None and holds_letter(connection, *written.letter)
        if head.next < written.end:
            return False
        if head.first > written.start:
            raise LogUnavailableError(f"the records from {written.start} on were archived meanwhile")
        found = segment_rows.select_segments(connection, partition, written.start, written.start + 1)
    return bool(found) and _same(found[0], written.segments[0])


def _same(stored: Segment, sent: Segment) -> bool:
    """Whether two segments are the same, to the microsecond of their append."""
    return (stored.offset, stored.stream, stored.appended, stored.heads, stored.data) == (
        *(sent.offset, sent.stream, sent.appended),
        *(sent.heads, sent.data),
    )
