"""The merge of tables of tiles, in DuckDB; in Python only where an aggregate can be merged no other way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from anabranch.agg.aggregate import Aggregate
from anabranch.view import View
from batch.duckdb_session import Connection, parquet_files, quoted
from batch.views import tile_table
from batch.views.published_table import AggregateColumns, ViewTables, aggregate_columns, published

MERGED_TILES = 10_000
"""Tiles that are in Python at a time, where an aggregate needs Python."""


def table_columns(view: View) -> list[tuple[str, str]]:
    """(name, SQL type) of every column that `merge` makes: a table of tiles, and what Python presents."""
    shown = [(value_column(each), each.shown.type) for each in aggregate_columns(view) if each.shown.sql is None]
    return [*tile_table.columns(view), *shown]


def value_column(each: AggregateColumns) -> str:
    """The name of the column that holds what Python presents of an aggregate."""
    return f"value_{each.name}"


def merge(
    connection: Connection,
    view: View,
    deltas: Sequence[Path],
    base: ViewTables | None,
    oldest: int | None,
    table: str,
) -> int:
    """Make a table of the tiles that `deltas` touch, sorted by key and tile.

    Parameters
    ----------
    deltas
        Tables of tiles, Parquet files.
    base
        What the last generation has, whose tiles are merged in.
    oldest
        What `View.oldest_kept` says: tiles that start before are left out.

    Returns
    -------
    int
        How many of the tiles the last generation has, too.
    """
    connection.execute(f"CREATE TABLE {table} ({', '.join(f'{quoted(n)} {t}' for n, t in table_columns(view))})")
    if not deltas:
        return 0
    names = ", ".join(tile_table.names(view))
    source = f"SELECT {names} FROM {parquet_files(deltas)} WHERE {view.kept_sql('tile', oldest)}"
    if base is None:
        _insert(connection, view, source, table)
        return 0
    added, known = quoted(f"added_{view.name}"), quoted(f"known_{view.name}")
    connection.execute(f"CREATE TABLE {added} AS {source}")
    wanted = f"SELECT {', '.join(_shown_place(view))} FROM {added}"
    connection.execute(f"CREATE TABLE {known} AS {published(view, base, wanted)}")
    _insert(connection, view, f"SELECT * FROM {added} UNION ALL SELECT * FROM {known}", table)
    found = connection.execute(f"SELECT count(*) FROM {known}").fetchone()
    connection.execute(f"DROP TABLE {added}; DROP TABLE {known}")
    assert found is not None
    return int(found[0])


def _shown_place(view: View) -> Iterator[str]:
    """SQL of the key and the tile of a table of tiles as in a published table."""
    for field, key in zip(view.key_fields, view.key_columns, strict=True):
        yield f"{key} AS {quoted(field)}"
    yield f"{shown_tile(view)} AS tile"


def shown_tile(view: View) -> str:
    """SQL of the ``tile`` of a published table, over that of a table of tiles."""
    return "NULL::TIMESTAMPTZ" if view.tile_us is None else "make_timestamptz(tile)"


def _insert(connection: Connection, view: View, source: str, table: str) -> None:
    """Merge the rows of a query that are the same tile, and add them sorted to a table."""
    query = _merged(view, source)
    if not any(each.needs_python for each in aggregate_columns(view)):
        connection.execute(f"INSERT INTO {table} {query}")
        return
    with (
        connection.cursor() as cursor
    ):  # of its own: what is read here is inserted meanwhile, and a connection does one of both
        result = cursor.execute(query)
        while found := result.fetchmany(MERGED_TILES):
            finished = tile_table.arrow(table_columns(view), _finished(view, found))
            connection.register("finished", finished)
            connection.execute(f"INSERT INTO {table} SELECT * FROM finished")
            connection.unregister("finished")


def _merged(view: View, source: str) -> str:
    place = [*view.key_columns, "tile"]
    merged = [expression for each in aggregate_columns(view) for expression in each.merged]
    groups = f" GROUP BY {', '.join(place)} ORDER BY {', '.join(f'{column} NULLS FIRST' for column in place)}"
    return f"SELECT {', '.join([*place, *merged])} FROM ({source}){groups}"


def _finished(view: View, rows: Sequence[tile_table.Row]) -> Iterator[tile_table.Row]:
    """Do in Python what SQL left: merge lists of states, and present."""
    every_aggregate = aggregate_columns(view)
    start = len(view.key_fields) + 1
    for row in rows:
        packed: list[Any] = []
        shown: list[Any] = []
        at = start
        for each in every_aggregate:
            width = len(each.columns)
            cells = row[at : at + width]
            at += width
            if each.in_python:
                cells = _joined(each.aggregate, cells[0])
            packed += cells
            if each.shown.sql is None:
                shown.append(each.shown.value(each.aggregate.present(each.aggregate.unpack(cells))))
        yield (*row[:start], *packed, *shown)


def _joined(aggregate: Aggregate, states: list[bytes]) -> tuple[Any, ...]:
    """The packed state of the values of several packed states."""
    if len(states) == 1:
        return (states[0],)
    return aggregate.pack(reduce(aggregate.merge, (aggregate.unpack((state,)) for state in states)))
