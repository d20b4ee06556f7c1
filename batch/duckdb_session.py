"""DuckDB as the batch layer uses it: bounded memory, UTC, and a place to spill to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from eventlog.store.errors import StoreUnavailableError

Connection = duckdb.DuckDBPyConnection


def connect(threads: int | None, memory_bytes: int, spill: Path | str) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, in memory.

    Parameters
    ----------
    threads
        How many it may use; None: one for every processor that it finds, which are those of its container.
    spill
        A folder for what does not fit into `memory_bytes`.
    """
    config: dict[str, Any] = {"memory_limit": f"{memory_bytes // 1_000_000}MB", "temp_directory": str(spill)}
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def is_of_the_disk(error: BaseException) -> bool:
    """Whether an error says that a disk is full, broken or may not be written, whichever library met it."""
    if isinstance(error, sqlite3.Error):  # of an index file
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_CODES
    if isinstance(error, StoreUnavailableError):  # of a folder
        return isinstance(error.__cause__, OSError)
    return isinstance(error, OSError | duckdb.IOException)


_DISK_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def quoted(identifier: str) -> str:
    """An identifier, quoted.

    >>> quoted('tile')
    '"tile"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A text literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def parquet_files(paths: Iterable[object]) -> str:
    """A table function over Parquet files, which may lack columns that others of them have."""
    files = ", ".join(literal(path) for path in paths)
    return f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"


def parquet_file(path: object) -> str:
    """A table function over one Parquet file. A folder that is called ``a=b`` makes no column of it."""
    return f"read_parquet({literal(path)}, hive_partitioning = false)"
