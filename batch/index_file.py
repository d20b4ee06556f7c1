"""The index file of a view: its tiles in one SQLite file, sorted by key and time, written once and then only read.

The table ``tiles`` holds the key fields as k0, k1, ..., the start of the tile, and the packed cells. It is clustered
by (k0, ..., tile), so that the tiles of a key lie side by side: a point read is one descent of a B-tree. A missing key
value is stored as minus infinity, since a primary key holds no NULL: SQLite sorts it before every number and every
text, as `anabranch.view.key_order` does. No column has a type affinity, so that values come back as they went in.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from anabranch.contributions import Key
from anabranch.view import View

MISSING = float("-inf")
"""What a missing key value is stored as."""
Rows = Iterable[Sequence[tuple[Any, ...]]]
"""Lots of rows: key values, tile, packed cells."""
MMAP_BYTES = 1 << 40
ROWS = 8
"""Rows in one statement: measured a quarter quicker than one by one."""


def create(path: Path, view: View, rows: Rows) -> None:
    """Write a new index file. Rows that come sorted by key and tile are written fastest."""
    _write(path, view, rows, expired_tile=None)


def update(base: Path, path: Path, view: View, rows: Rows, expired_tile: int | None) -> None:
    """Write an index file that is `base` with some rows replaced or added.

    Parameters
    ----------
    expired_tile
        Tiles that start here or earlier are left out; None: no tile is.
    """
    shutil.copyfile(base, path)
    path.chmod(0o644)
    _write(path, view, rows, expired_tile)


def connect(path: Path) -> sqlite3.Connection:
    """Open an index file to read. It is never written again, so there is no locking, and processes share its pages."""
    # connections are used by the thread that opened them; only closing may come from another
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, isolation_level=None
    )
    connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
    return connection


def key_columns(view: View) -> list[str]:
    """The names of the key columns."""
    return [f"k{index}" for index in range(len(view.key_fields))]


def encoded(value: Any) -> Any:
    """A key value as it is stored."""
    return MISSING if value is None else value


def key_decoder(view: View) -> Callable[[tuple[Any, ...]], Key]:
    """What turns stored key values into the key."""
    booleans = [not callable(view.by) and view.of.fields[name].kind == "boolean" for name in view.key_fields]
    if not any(booleans):
        return lambda stored: (
            stored if MISSING not in stored else tuple(None if value == MISSING else value for value in stored)
        )
    return lambda stored: tuple(
        None if value == MISSING else bool(value) if boolean else value
        for value, boolean in zip(stored, booleans, strict=True)
    )


def _write(path: Path, view: View, rows: Rows, expired_tile: int | None) -> None:
    keys = key_columns(view)
    cells = [f"c{index}" for index in range(len(view.columns))]
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # a file that is torn by a crash was never published: no journal, one fsync at the end
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        columns = ", ".join([*keys, "tile", *cells])
        primary_key = ", ".join([*keys, "tile"])
        connection.execute(f"CREATE TABLE IF NOT EXISTS tiles({columns}, PRIMARY KEY ({primary_key})) WITHOUT ROWID")
        # a number beyond the range of a float is infinity
        values = f"({', '.join(['ifnull(?, -9e999)'] * len(keys) + ['?'] * (1 + len(cells)))})"
        for some in rows:
            whole = len(some) - len(some) % ROWS
            lots = (tuple(chain.from_iterable(some[at : at + ROWS])) for at in range(0, whole, ROWS))
            connection.executemany(f"INSERT OR REPLACE INTO tiles VALUES {', '.join([values] * ROWS)}", lots)
            connection.executemany(f"INSERT OR REPLACE INTO tiles VALUES {values}", some[whole:])
        if expired_tile is not None:
            connection.execute("DELETE FROM tiles WHERE tile <= ?", (expired_tile,))
        connection.execute("COMMIT")
    finally:
        connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())
