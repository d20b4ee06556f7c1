"""What became of a commit that raised: an error at COMMIT leaves open whether the transaction is in the database.

The connection may have broken before COMMIT arrived, or just before its answer did. Nobody can tell but the database
itself. So every commit has an id, which stands in the same transaction as what it wrote: it is there, or nothing is.

A writer has one commit at a time, and asks after it before it begins the next one. So a row for each writer is enough,
with the number of the newest: what a process has to keep does not grow with its commits.
"""

from __future__ import annotations

import time
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from eventlog.errors import LogUnavailableError
from eventlog.log import segment_rows
from eventlog.log.prepared_statement import PreparedStatement
from eventlog.registry.database import Database
from eventlog.registry.tables import commits

PATIENCE_SECONDS = 10.0
"""How long a database that is away is asked again: a restart takes some seconds, and the writer waits meanwhile."""
_AGAIN_SECONDS = 0.1
_c = commits.c
_FIND = PreparedStatement(select(_c.number).where(_c.writer == bindparam("own")))
_DROP = delete(commits).where(_c.offset < bindparam("before"))


class CommitId(NamedTuple):
    """By what a commit is found again.

    Attributes
    ----------
    writer
        Who made it: a UUID, made when the log was opened.
    number
        The writer's commits are counted, also those that came to nothing.
    end
        The end of the log after it.
    """

    writer: str
    number: int
    end: int


class Commits:
    """The commits of one writer."""

    def __init__(self, dialect: str):
        new = (sqlite if dialect == "sqlite" else postgresql).insert(commits)
        new = new.values(writer=bindparam("own"), number=bindparam("its_number"), offset=bindparam("its_end"))
        newest = {"number": new.excluded.number, "offset": new.excluded.offset}
        self._note = PreparedStatement(new.on_conflict_do_update(index_elements=[_c.writer], set_=newest))
        self._writer = uuid4().hex
        self._number = 0

    def note(self, connection: Connection, end: int) -> CommitId:
        """Give an id to the transaction of a connection, after which the log ends at `end`."""
        self._number += 1
        self._note.run(connection, {"own": self._writer, "its_number": self._number, "its_end": end})
        return CommitId(self._writer, self._number, end)


def was_committed(database: Database, partition: int, commit: CommitId, patience_seconds: float) -> bool:
    """Whether a commit is in the database, though it raised. To be asked before its writer begins another one.

    Raises
    ------
    LogUnavailableError
        If the database could not be asked in time: then nobody knows.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return _is_there(database, partition, commit)
        except Exception as error:  # whatever keeps it from being asked: to guess could double or lose events
            if time.monotonic() >= deadline:
                raise LogUnavailableError(
                    "it went away during a commit, and whether that was written is not known; what has ids, or is"
                    f" repeated with the same Idempotency-Key, can safely be sent again: {error}"
                ) from error
        time.sleep(_AGAIN_SECONDS)


def drop_commits(connection: Connection, before: int) -> None:
    """Forget the writers whose newest commit ended before an offset: they ended, or have been idle for so long."""
    connection.execute(_DROP, {"before": before})


def _is_there(database: Database, partition: int, commit: CommitId) -> bool:
    with database.write() as connection:
        # the lock that every writer holds until it ends: a COMMIT that the server is still at is waited for
        head = segment_rows.lock_head(connection, partition)
        found = _FIND.rows(connection, {"own": commit.writer})
    if found and found[0][0] == commit.number:
        return True
    if head.first > commit.end:  # a trim may have taken the row
        raise LogUnavailableError(f"the records before {commit.end} were dropped meanwhile")
    return False
