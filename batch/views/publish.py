"""The files that a generation has of a view: a table for analysts, and an index for point reads.

The table is a Parquet file: the key fields, ``tile`` (TIMESTAMPTZ, NULL in a view without tiles), one value
column an aggregate, and the packed columns ``<aggregate>__<column>``, from which the next run merges. The index is
described in `index_file`. Both are sorted by key and tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from anabranch.view import View
from batch.duckdb_session import Connection, literal, parquet_file, quoted
from batch.views import index_file, tile_table
from batch.views.merge import merge, value_column
from batch.views.published_table import aggregate_columns, published, same_tile
from eventlog.durable_files import sync_file

INDEXED_TILES = 20_000
"""Tiles that are in memory at a time, on their way into the index."""


@dataclass(frozen=True, slots=True)
class ViewFiles:
    """The files of one view, as they are made."""

    table: Path
    index: Path

    @classmethod
    def of(cls, folder: Path, view: str) -> ViewFiles:
        """Where a run makes them."""
        return cls(folder / f"{view}.parquet", folder / f"{view}.sqlite")


def publish_view(
    connection: Connection,
    view: View,
    deltas: Sequence[Path],
    base: Path | None,
    watermark: int | None,
    into: ViewFiles,
) -> int:
    """Write the files of a view.

    Parameters
    ----------
    deltas
        The tables of tiles of the slices.
    base
        The table of the last generation, which the slices go on from; None: there is none.
    watermark
        The newest event time in all that is covered, in microseconds: older tiles than `keep` allows are dropped.

    Returns
    -------
    int
        The number of tiles.
    """
    into.table.parent.mkdir(parents=True, exist_ok=True)
    oldest = view.oldest_kept(watermark)
    table = quoted(f"touched_{view.name}")
    merge(connection, view, deltas, base, oldest, table)
    with ThreadPoolExecutor(1) as beside:
        rows = beside.submit(_write_table, connection, view, table, base, oldest, into.table)
        if base is None:  # what was merged is all there is: both files are written at once, each on its own cursor
            _write_index(connection, view, table, into.index)
        count = rows.result()
    if base is not None:
        _write_index(connection, view, f"({published(view, into.table)})", into.index)
    connection.execute(f"DROP TABLE {table}")
    return count


def _write_table(
    connection: Connection,
    view: View,
    table: str,
    base: Path | None,
    oldest: int | None,
    path: Path,
) -> int:
    query = f"SELECT {', '.join(_shown(view))} FROM {table} AS t"
    if base is not None:
        keys = [f"{quoted(field)} AS {k}" for field, k in zip(view.key_fields, view.key_columns, strict=True)]
        carried = ", ".join([*keys, "coalesce(epoch_us(tile), 0) AS tile", *_value_names(view), *_packed_names(view)])
        query += (
            f" UNION ALL SELECT * FROM (SELECT {carried} FROM {parquet_file(base)}) AS base"
            f" ANTI JOIN {table} AS touched ON {same_tile(view, 'base', 'touched')}"
            f" WHERE {view.kept_sql('base.tile', oldest)}"
        )
        order = ", ".join(f"{column} NULLS FIRST" for column in [*view.key_columns, "tile"])
        query = f"SELECT * FROM ({query}) ORDER BY {order}"
    with connection.cursor() as cursor:
        cursor.execute(f"COPY (SELECT {', '.join(_named(view))} FROM ({query})) TO {literal(path)} {_PARQUET}")
        found = cursor.execute(f"SELECT count(*) FROM {parquet_file(path)}").fetchone()
    sync_file(path)
    assert found is not None
    return int(found[0])


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
    tile = "NULL::TIMESTAMPTZ" if view.tile_us is None else "make_timestamptz(tile)"
    return [*keys, f"{tile} AS tile", *_value_names(view), *_packed_names(view)]


def _value_names(view: View) -> list[str]:
    return [quoted(name) for name in view.aggregates]


def _packed_names(view: View) -> list[str]:
    return [quoted(name) for name, _ in view.columns]


def _write_index(connection: Connection, view: View, tiles: str, path: Path) -> None:
    """Write the index of a query or table of sorted tiles."""
    with connection.cursor() as cursor:
        found = cursor.sql(f"SELECT {', '.join(tile_table.names(view))} FROM {tiles}")
        index_file.create(path, view, found.to_arrow_reader(INDEXED_TILES))
