"""The files that a layer of a view has: a table for analysts, and an index for point reads.

The table has the key fields, ``tile`` (TIMESTAMPTZ, NULL in a view without tiles), one value column an aggregate, and
the packed columns ``<aggregate>__<column>``, from which the next run merges. The index is described in `index_file`.
Both are sorted by key and tile. What layers are, `layers` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from anabranch.view import View
from batch.duckdb_session import Connection, literal, parquet_file, quoted
from batch.views import index_file, tile_table
from batch.views.layers import WORTH_A_LAYER, LayerSize, taken_in
from batch.views.merge import merge, shown_tile, value_column
from batch.views.published_table import ViewTables, aggregate_columns, carried, newest_tiles, published, same_tile
from eventlog.durable_files import sync_file

INDEXED_TILES = 20_000
"""Tiles that are in memory at a time, on their way into the index."""


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """The files of one layer of a view, as they are made."""

    table: Path
    index: Path

    @classmethod
    def of(cls, folder: Path, view: str) -> LayerFiles:
        """Where a run makes them."""
        return cls(folder / f"{view}.parquet", folder / f"{view}.sqlite")


@dataclass(frozen=True, slots=True)
class BaseView:
    """What the last generation has of a view, and the slices go on from.

    Attributes
    ----------
    tables, sizes
        Of its layers, the newest first.
    rows
        How many tiles it has.
    """

    tables: ViewTables
    sizes: tuple[LayerSize, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class PublishedView:
    """What came of a view.

    Attributes
    ----------
    written
        The size of the new layer; None: there is none.
    taken_in
        How many of the layers of the base it takes in, the newest first. The others stay below it as they are.
    rows
        How many tiles the view has.
    """

    written: LayerSize | None
    taken_in: int
    rows: int


def publish_view(
    connection: Connection,
    view: View,
    deltas: Sequence[Path],
    base: BaseView | None,
    oldest: int | None,
    into: LayerFiles,
    worth_a_layer: int = WORTH_A_LAYER,
) -> PublishedView:
    """Write the files of a view's new layer, if there has to be one.

    Parameters
    ----------
    deltas
        The tables of tiles of the slices.
    base
        None: there is nothing to go on from, and the new layer holds everything.
    oldest
        What `View.oldest_kept` says at the newest event time in all that is covered: older tiles are dropped or hidden.
    worth_a_layer
        As for `layers.taken_in`.
    """
    into.table.parent.mkdir(parents=True, exist_ok=True)
    table = quoted(f"touched_{view.name}")
    known = merge(connection, view, deltas, None if base is None else base.tables, oldest, table)
    try:
        touched = _size(connection, f"SELECT count(*), min(tile), max(tile) FROM {table}")
        if base is None:
            _write(connection, view, table, into)
            return PublishedView(touched, 0, touched.rows)
        rows = base.rows - _expired(connection, view, base, oldest) + touched.rows - known
        count = taken_in(touched.rows, [size.rows for size in base.sizes], rows, worth_a_layer)
        if not touched.rows and not count:
            return PublishedView(None, 0, rows)
        if count:
            below = ViewTables(base.tables.paths[:count], oldest)
            return PublishedView(_write_merged(connection, view, table, below, into), count, rows)
        _write(connection, view, table, into)
        return PublishedView(touched, 0, rows)
    finally:
        connection.execute(f"DROP TABLE {table}")


def _expired(connection: Connection, view: View, base: BaseView, oldest: int | None) -> int:
    """How many tiles of the base `keep` hides by now."""
    if oldest is None or oldest == base.tables.oldest:
        return 0
    if all(size.first is not None and size.first >= oldest for size in base.sizes):
        return 0
    shown = newest_tiles(view, base.tables, "layer.tile AS tile")
    gone = f"NOT ({view.kept_sql('tile', oldest, 'TIMESTAMPTZ')})"
    return _size(connection, f"SELECT count(*), NULL, NULL FROM ({shown}) WHERE {gone}").rows


def _size(connection: Connection, query: str) -> LayerSize:
    found = connection.execute(query).fetchone()
    assert found is not None
    return LayerSize(*found)


def _write(connection: Connection, view: View, table: str, into: LayerFiles) -> None:
    """Write both files of a table that `merge` made at once, each on its own cursor."""
    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(_write_table, connection, view, f"SELECT {', '.join(_shown(view))} FROM {table}", into)
        _write_index(connection, view, table, into.index)
        written.result()


def _write_merged(connection: Connection, view: View, table: str, below: ViewTables, into: LayerFiles) -> LayerSize:
    """Write both files of what `merge` made and some layers below."""
    query = (
        f"SELECT {', '.join(_shown(view))} FROM {table}"
        f" UNION ALL SELECT * FROM ({carried(view, below)}) AS base"
        f" ANTI JOIN {table} AS touched ON {same_tile(view, 'base', 'touched')}"
    )
    order = ", ".join(f"{column} NULLS FIRST" for column in [*view.key_columns, "tile"])
    _write_table(connection, view, f"SELECT * FROM ({query}) ORDER BY {order}", into)
    made = ViewTables((str(into.table),))
    _write_index(connection, view, f"({published(view, made)})", into.index)
    return _size(
        connection, f"SELECT count(*), epoch_us(min(tile)), epoch_us(max(tile)) FROM {parquet_file(into.table)}"
    )


def _write_table(connection: Connection, view: View, query: str, into: LayerFiles) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"COPY (SELECT {', '.join(_named(view))} FROM ({query})) TO {literal(into.table)} {_PARQUET}")
    sync_file(into.table)


_PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"


def _shown(view: View) -> list[str]:
    """SQL of the columns of the merged table with the values: key, tile, values, packed columns."""
    values = [
        f"({quoted(value_column(each)) if each.shown.sql is None else each.shown.sql})::{each.shown.type}"
        f" AS {quoted(each.name)}"
        for each in aggregate_columns(view)
    ]
    return [*view.key_columns, "tile", *values, *_packed_names(view)]


def _named(view: View) -> list[str]:
    """SQL of the published columns."""
    keys = [f"{k} AS {quoted(field)}" for field, k in zip(view.key_fields, view.key_columns, strict=True)]
    return [*keys, f"{shown_tile(view)} AS tile", *_value_names(view), *_packed_names(view)]


def _value_names(view: View) -> list[str]:
    return [quoted(name) for name in view.aggregates]


def _packed_names(view: View) -> list[str]:
    return [quoted(name) for name, _ in view.columns]


def _write_index(connection: Connection, view: View, tiles: str, path: Path) -> None:
    """Write the index of a query or table of sorted tiles."""
    with connection.cursor() as cursor:
        found = cursor.sql(f"SELECT {', '.join(tile_table.names(view))} FROM {tiles}")
        index_file.create(path, view, found.to_arrow_reader(INDEXED_TILES))
