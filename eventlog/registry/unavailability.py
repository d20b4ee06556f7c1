"""Which errors mean that the database cannot answer now, whoever raises them: SQLAlchemy, its pool, or a driver.

Everything that talks to the database goes through `Database` or `PreparedStatement`, and both ask here. So whoever
reads or writes meets one type, `LogUnavailableError`, whatever became of the database: a restart, a failover to a
server that may only read yet, a connection that broke, one connection too many, a lock that is not given, a full disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from eventlog.errors import LogUnavailableError

_AWAY_STATES = ("08", "25006", "25P03", "25P04", "40", "53", "55P03", "57", "58")
"""The SQLSTATEs, or their first letters, of PostgreSQL's trouble of its own (its manual, appendix A): connections, a
transaction that may only read or took too long, conflicts, resources, locks, shutdown, the system. Drivers file some of
them as internal errors."""


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise `LogUnavailableError` for every error that means that the database cannot answer now."""
    try:
        yield
    except PoolTimeoutError as error:
        raise LogUnavailableError("no connection to the database became free in time") from error
    except PendingRollbackError as error:
        raise LogUnavailableError("the connection to the database broke") from error
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError) or is_away(error.orig):
            raise LogUnavailableError(str(error.orig).strip()) from error
        raise


def is_away(error: BaseException | None) -> bool:
    """Whether an error of the driver of PostgreSQL tells of trouble that passes."""
    state = getattr(error, "sqlstate", None)
    return state is not None and str(state).startswith(_AWAY_STATES)
