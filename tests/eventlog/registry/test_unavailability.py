from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError, ProgrammingError
from sqlalchemy.pool import QueuePool

from eventlog.errors import LogUnavailableError
from eventlog.registry.unavailability import unavailable


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        psycopg.errors.IdleInTransactionSessionTimeout("terminating connection"),
        psycopg.errors.TooManyConnections("sorry, too many clients already"),
        psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
        psycopg.errors.CannotConnectNow("the database system is starting up"),
        psycopg.errors.DiskFull("could not extend file"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
    ],
)
def test_trouble_of_the_server_is_one_error(error: psycopg.Error) -> None:
    with pytest.raises(LogUnavailableError, match=str(error)), unavailable():
        raise DBAPIError.instance("SELECT 1", {}, error, psycopg.Error, dialect=None)


def test_a_pool_without_a_free_connection_is_unavailable() -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with engine.connect(), pytest.raises(LogUnavailableError, match="no connection"), unavailable(), engine.connect():
        pass
    engine.dispose()


def test_a_connection_that_broke_in_a_transaction_is_unavailable() -> None:
    with pytest.raises(LogUnavailableError, match="broke"), unavailable():
        raise PendingRollbackError("Can't reconnect until invalid transaction is rolled back.")


@pytest.mark.parametrize("kind", [IntegrityError, ProgrammingError])
def test_a_mistake_of_our_own_stays_what_it_is(kind: type[DBAPIError]) -> None:
    with pytest.raises(kind), unavailable():
        raise kind("SELECT 1", {}, Exception("no such table"))
