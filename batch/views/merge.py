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
from batch.views.published_table import AggregateColumns, aggregate_columns, published, same_tile

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
    base: Path | None,
    oldest: int | None,
    table: str,
) -> None:
    """Make a table of the tiles that `deltas` touch, sorted by key and tile.

    Parameters
    ----------
    deltas
        Tables of tiles, Parquet files.
    base
        The published table of the last generation, whose tiles are merged in.
    oldest
        What `View.oldest_kept` says: tiles that start before are left out.
    """
    connection.execute(f"CREATE TABLE {table} ({', '.join(f'{quoted(n)} {t}' for n, t in table_columns(view))})")
    if not deltas:
        return
    query = _merged(view, deltas, base, oldest)
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


def _merged(view: View, deltas: Sequence[Path], base: Path | None, oldest: int | None) -> str:
    names = ", ".join(tile_table.names(view))
    source = f"SELECT {names} FROM {parquet_files(deltas)}"
    if base is not None:
        touched = f"({published(view, base)}) AS base SEMI JOIN deltas ON {same_tile(view, 'base', 'deltas')}"
        source = f"WITH deltas AS MATERIALIZED ({source}) SELECT * FROM deltas UNION ALL SELECT {names} FROM {touched}"
    place = [*view.key_columns, "tile"]
    kept = view.kept_sql("tile", oldest)
    merged = [expression for each in aggregate_columns(view) for expression in each.merged]
    groups = f" GROUP BY {', '.join(place)} ORDER BY {', '.join(f'{column} NULLS FIRST' for column in place)}"
    return f"SELECT {', '.join([*place, *merged])} FROM ({source}) WHERE {kept}{groups}"


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
