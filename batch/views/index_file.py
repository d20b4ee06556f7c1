"""The index file of a view: its tiles in one SQLite file, sorted by key and time, written once and then only read.

The table ``tiles`` has one row a block (see `tile_block`), some hundred tiles that follow each other: the key fields of
its first tile as k0, k1, ..., the start of that tile, and the packed block. It is indexed by (k0, ..., tile), so that
a point read is two descents of a B-tree, and a search in the block. A missing key value is stored as minus infinity,
since a primary key holds no NULL: SQLite sorts it before every number and every text, as `anabranch.view.key_order`
does. No column has a type affinity, so that values come back as they went in.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.contributions import Cells, Key
from anabranch.view import View, key_order
from batch.views.tile_block import Block, Layout, blocks
from eventlog.durable_files import sync_file

if TYPE_CHECKING:
    import pyarrow as pa

TileRows = Sequence[tuple[Any, ...]]
"""Rows of key values, tile and packed cells."""
Row = tuple[Key, int, Cells]
"""The key, the start of the tile, the cells."""
BLOCK_BYTES = 7_500
"""About how large a block is: with its key it fits on a page, as long as a tile does."""
MMAP_BYTES = 1 << 40
_MISSING = float("-inf")
"""What a missing key value is stored as."""
_FIRST, _LAST = -(2**63), 2**63 - 1
"""Tiles start between these."""


def create(path: Path, view: View, tables: Iterable[TileRows | pa.RecordBatch], block_bytes: int = BLOCK_BYTES) -> None:
    """Write a new index file.

    Parameters
    ----------
    lots
        Tables of tiles (see `tile_table`), each behind the one before it in the order of keys and tiles. Record batches
        are sorted, and written a good deal faster; sequences of rows may come in any order within their table.
    block_bytes
        How large blocks are, about.
    """
    keys = view.key_columns
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # a file that is torn by a crash was never published: no journal, one fsync at the end
        for pragma in ("page_size=8192", "journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        place = ", ".join([*keys, "tile"])
        connection.execute(f"CREATE TABLE tiles({place}, block, PRIMARY KEY ({place}))")
        insert = f"INSERT INTO tiles VALUES ({', '.join('?' * (len(keys) + 2))})"
        for table in tables:
            for batch in _batches(view, table):
                rows = ((*_stored(key), tile, block) for key, tile, block in blocks(view, batch, block_bytes))
                connection.executemany(insert, rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
    sync_file(path)


def connect(path: Path) -> sqlite3.Connection:
    """Open an index file to read. It is never written again, so there is no locking, and processes share its pages."""
    # a reader is lent from thread to thread (see `reader_pool`), but never to two at once
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, isolation_level=None
    )
    connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
    return connection


class IndexReader:
    """Reads the index file of a view.

    Parameters
    ----------
    connection
        What `connect` made of it. One thread at a time reads.
    """

    def __init__(self, connection: sqlite3.Connection, view: View):
        self._execute = connection.execute
        self._fields = view.key_fields
        self._layout = Layout(view)
        self._unpack = view.unpack
        columns = [*view.key_columns, "tile"]
        place, marks = ", ".join(columns), ", ".join("?" * len(columns))
        backwards = ", ".join(f"{column} DESC" for column in columns)
        self._at = f"SELECT block FROM tiles WHERE ({place}) <= ({marks}) ORDER BY {backwards} LIMIT 1"
        self._behind = f"SELECT block FROM tiles WHERE ({place}) > ({marks}) ORDER BY {place}"

    def tiles_of(self, key: Key, start: int | None, end: int | None) -> Iterator[Row]:
        """The tiles of one key that start in ``[start, end)``."""
        place = (*_stored(key), _FIRST if start is None else start)
        at = self._execute(self._at, place).fetchone()
        if at is None:
            return self._further(place, key, start, end)
        rows, complete = self._some(Block(self._layout, at[0]), key, start, end)
        return rows if complete else chain(rows, self._further(place, key, start, end))

    def _further(self, place: tuple[Any, ...], key: Key, start: int | None, end: int | None) -> Iterator[Row]:
        """What `tiles_of` finds in the blocks that begin behind a place."""
        for (data,) in self._execute(self._behind, place):
            rows, complete = self._some(Block(self._layout, data), key, start, end)
            yield from rows
            if complete:
                return

    def _some(self, block: Block, key: Key, start: int | None, end: int | None) -> tuple[Iterator[Row], bool]:
        """What a block holds of the tiles of a key, and whether no later block holds more."""
        begin, stop, complete = block.find(key)
        i = begin if start is None else bisect_left(block.tiles, start, begin, stop)
        j = stop if end is None else bisect_left(block.tiles, end, i, stop)
        rows = zip(repeat(key), block.tiles[i:j], map(self._unpack, block.cells(i, j)), strict=False)
        return rows, complete or j < stop

    def tiles(
        self, keys: Mapping[str, Any], first: tuple[Key, int], start: int | None, end: int | None
    ) -> Iterator[Row]:
        """The tiles that start in ``[start, end)`` of all keys with some values, from one place on."""
        for _, rows in self.runs(keys, first, start, end):
            yield from rows

    def runs(
        self, keys: Mapping[str, Any], first: tuple[Key, int], start: int | None, end: int | None
    ) -> Iterator[tuple[Key, Iterator[Row]]]:
        """What `tiles` finds, with the key of each run of tiles; the next run may be one of the same key."""
        wanted = [(index, keys[name]) for index, name in enumerate(self._fields) if name in keys]
        leading = tuple(keys[name] for name in self._fields[: _leading(self._fields, keys)])
        lowest = (*leading, *[None] * (len(self._fields) - len(leading))), _FIRST
        first_key, first_tile = max(first, lowest, key=_place_order)
        least: tuple[Any, ...] | None = key_order(first_key)
        place = (*_stored(first_key), first_tile)
        for (data,) in chain(self._execute(self._at, place), self._execute(self._behind, place)):
            block = Block(self._layout, data)
            for key, i, j in block.runs():
                if least is not None and key_order(key) < least:
                    continue
                least = None  # every key from here on is greater
                if any(key[index] != value for index, value in wanted):
                    if key[: len(leading)] != leading:
                        return
                    continue
                if key == first_key:
                    i = bisect_left(block.tiles, first_tile, i, j)
                if start is not None:
                    i = bisect_left(block.tiles, start, i, j)
                if end is not None:
                    j = bisect_left(block.tiles, end, i, j)
                if i < j:
                    cells = map(self._unpack, block.cells(i, j))
                    yield key, zip(repeat(key), block.tiles[i:j], cells, strict=False)


FIRST: tuple[Key, int] = (), _FIRST
"""Before every place."""


def behind(place: tuple[Key, int]) -> tuple[Key, int]:
    """The place just behind a tile."""
    return place[0], place[1] + 1


def _leading(fields: Sequence[str], keys: Mapping[str, Any]) -> int:
    """How many of the first key fields are given."""
    return next((index for index, name in enumerate(fields) if name not in keys), len(fields))


def _place_order(place: tuple[Key, int]) -> Any:
    return key_order(place[0]), place[1]


def _stored(key: Key) -> list[Any]:
    return [_MISSING if value is None else value for value in key]


def _batches(view: View, table: TileRows | pa.RecordBatch) -> Iterable[pa.RecordBatch]:
    if not isinstance(table, Sequence):
        return [table]
    from batch.views import tile_table  # it loads Arrow, which readers do without

    width = len(view.key_fields)
    rows = sorted(table, key=lambda row: _place_order((row[:width], row[width])))
    batches: list[pa.RecordBatch] = tile_table.arrow(tile_table.columns(view), rows).combine_chunks().to_batches()
    return batches
