"""Which errors mean that the database cannot answer now, or is damaged: of SQLAlchemy, of its pool, or of a driver.

Everything that talks to the database goes through `Database` or `PreparedStatement`, and both ask here. So whoever
reads or writes meets one type, `LogUnavailableError`, whatever became of the database: a restart, a failover to a
server that may only read yet, a connection that broke, one connection too many, a lock that is not given, a full disk.
What does not pass by itself is another, `DatabaseDamagedError`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from orjson import JSONDecodeError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from eventlog.errors import DatabaseDamagedError, LogUnavailableError

_AWAY_STATES = ("08", "25006", "25P03", "25P04", "40", "53", "55P03", "57", "58")
"""The SQLSTATEs, or their first letters, of PostgreSQL's trouble of its own (its manual, appendix A): connections, a
transaction that may only read or took too long, conflicts, resources, locks, shutdown, the system. Drivers file some of
them as internal errors."""
_DAMAGED_STATES = ("XX001", "XX002")
"""Data or an index is corrupted."""
_DAMAGED_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DAMAGED_TEXTS = ("no such table", "no such column", "Could not decode to UTF-8")
"""What SQLite says when a table that we made is not there, or a text is none; for these it has no code."""


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise `LogUnavailableError` for every error that means that the database cannot answer now.

    And `DatabaseDamagedError` for those that tell of damage: what is stored as JSON is none any more, say.
    """
    try:
        yield
    except JSONDecodeError as error:
        raise DatabaseDamagedError(f"a text in it is no JSON ({error})") from error
    except PoolTimeoutError as error:
        raise LogUnavailableError("no connection to the database became free in time") from error
    except PendingRollbackError as error:
        raise LogUnavailableError("the connection to the database broke") from error
    except DBAPIError as error:
        if is_damage(error.orig):
            raise DatabaseDamagedError(str(error.orig).strip()) from error
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError) or is_away(error.orig):
            raise LogUnavailableError(str(error.orig).strip()) from error
        raise


def is_away(error: BaseException | None) -> bool:
    """Whether an error of the driver of PostgreSQL tells of trouble that passes."""
    state = getattr(error, "sqlstate", None)
    return state is not None and str(state).startswith(_AWAY_STATES)


def is_damage(error: BaseException | None) -> bool:
    """Whether an error of a driver says that the database holds what nobody wrote."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF in _DAMAGED_CODES or str(error).startswith(_DAMAGED_TEXTS)
    return getattr(error, "sqlstate", None) in _DAMAGED_STATES
