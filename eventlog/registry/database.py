"""The database: SQLite or PostgreSQL, behind the same two ways to use it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from eventlog.errors import DatabaseDamagedError
from eventlog.registry.schema_version import bring_up_to_date, is_current
from eventlog.registry.unavailability import unavailable

_SQLITE_SETTINGS = (
    "busy_timeout = 5000",  # ms to wait for the writer of another process
    "page_size = 8192",  # fewer, larger pages: measured 30 % quicker for segments and ids than 4096
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit is on the disk when it returns
    "wal_autocheckpoint = 2000",  # pages
    "journal_size_limit = 67108864",
    "cache_size = -16384",  # KiB a connection
)
_POSTGRESQL_SETTINGS = {
    "client_encoding": "utf8",
    # a server that vanished without a word, as in a failover, is given up after half a minute: nobody waits for ever
    "connect_timeout": 10,  # s
    "keepalives_idle": 15,  # s without an answer, then three questions
    "keepalives_interval": 5,  # s
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # ms
}
_SWITCH_SECONDS = 5.0
_NO_DATABASE = (
    "the URL names no database that this can use; write sqlite:///path or postgresql+psycopg://user@host/name"
)


class Database:
    """SQLite (the default) or PostgreSQL, by URL.

    Parameters
    ----------
    url
        ``sqlite:////path/log.db`` or ``postgresql+psycopg://user@host/name``. The tables are made, or brought up to
        date if an earlier release made them: see `eventlog.registry.schema_version`.

    Raises
    ------
    ValueError
        If the URL is that of no such database, or of one that cannot keep every text. The URL is not repeated: it may
        hold a password.
    DatabaseVersionError
        If a later release made the tables.
    LogUnavailableError
        If the database cannot be opened.
    """

    def __init__(self, url: str):
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ValueError(_NO_DATABASE) from None
        self.dialect = parsed.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ValueError(_NO_DATABASE)
        if self.dialect == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(
            parsed, pool_pre_ping=self.dialect == "postgresql", connect_args=_connect_args(parsed)
        )
        self._writing = self.engine.execution_options(writes=True)
        if self.dialect == "sqlite":
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        try:
            self._prepare()
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database.

        Raises
        ------
        LogUnavailableError
            Whenever the database cannot answer now.
        """
        with unavailable(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or not at all.

        On SQLite it holds the write lock from its start, so what it reads stays true until it commits.
        """
        with unavailable(), self._writing.begin() as connection:
            yield connection

    def insert_if_absent(self, connection: Connection, table: Table, **values: Any) -> None:
        """Insert a row unless one of the same primary key is there."""
        self.insert_all_if_absent(connection, table, [values])

    def insert_all_if_absent(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert each of some rows, one at least, unless one of the same primary key is there."""
        dialect = sqlite if self.dialect == "sqlite" else postgresql
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)

    def check(self) -> None:
        """Have SQLite look at every page; of PostgreSQL nothing is asked, which has tools of its own for that.

        Raises
        ------
        DatabaseDamagedError
            If it finds damage.
        """
        if self.dialect != "sqlite":
            return
        with self.read() as connection:
            found = connection.execute(text("PRAGMA integrity_check(1)")).scalar_one()
        if found != "ok":
            raise DatabaseDamagedError(" ".join(str(found).split()))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _prepare(self) -> None:
        with self.read() as connection:
            if self.dialect == "postgresql":
                _check_encoding(connection)
            if is_current(connection):
                return
        with self.write() as connection:
            bring_up_to_date(connection)


def _check_encoding(connection: Connection) -> None:
    """Refuse a database whose texts cannot hold every character: an event would be refused long after it was valid."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise ValueError(
            f"the encoding of the database is {encoding}, which cannot keep every text; make one with"
            " CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
        )


def _connect_args(url: URL) -> dict[str, Any]:
    """How to connect; what the URL says itself is left to it."""
    if not url.drivername.startswith("postgresql+psycopg"):
        return {}
    return {name: value for name, value in _POSTGRESQL_SETTINGS.items() if name not in url.query}


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # Python's module would begin transactions as it likes; `_begin_sqlite` does
    cursor = connection.cursor()
    for setting in _SQLITE_SETTINGS:
        _set(cursor, setting)
    cursor.close()


def _set(cursor: Any, setting: str) -> None:
    """Set a pragma, and wait where SQLite does not: of two that switch a new database to WAL, one is told "locked"."""
    give_up = monotonic() + _SWITCH_SECONDS
    while True:
        try:
            cursor.execute(f"PRAGMA {setting}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > give_up:
                raise
        sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
