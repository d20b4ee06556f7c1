"""Overlays: the tiles of a view that events behind the generation have touched, merged, as Parquet files.

Python merges and presents the tiles that have changed since the last overlay; DuckDB puts them in the place of the
old ones. So the work in Python is that of what is new, however much there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from anabranch import View
from anabranch.contributions import Cells
from batch.duckdb_session import Connection, literal, parquet_file, quoted
from batch.views import tile_table
from batch.views.published_table import (
    AggregateColumns,
    ViewTables,
    aggregate_columns,
    published,
    same_shown_tile,
    same_tile,
)
from serving.sql.relations.view_relations import overlay_columns
from speed.tile_selection import Place
from speed.view_fold import ViewFold

_TOGETHER = 10_000
"""Tiles that are in Python at a time."""
_PARQUET = "(FORMAT parquet, COMPRESSION zstd)"
_LIMIT = 2**63


def write_overlay(
    connection: Connection,
    view: View,
    view_fold: ViewFold,
    tables: ViewTables | None,
    old: Path | None,
    into: Path,
) -> bool:
    """Write the overlay of this moment; False: no tile was ever touched, and there is none.

    Parameters
    ----------
    tables
        The published tables of the generation; None: there is none.
    old
        The overlay before, from which untouched tiles are taken.
    """
    places, complete = view_fold.take(view)
    if complete:
        old = None
    if not places and old is None:
        return False
    typed = overlay_columns(view)
    parts = [tile_table.arrow(typed, [])]
    for start in range(0, len(places), _TOGETHER):
        some = places[start : start + _TOGETHER]
        parts.append(tile_table.arrow(typed, _rows(view, some, view_fold, _batch(connection, view, some, tables))))
    touched = pa.concat_tables(parts)
    connection.register("touched", touched)
    query = "SELECT * FROM touched"
    if old is not None:
        kept = f"SELECT old.* FROM {parquet_file(old)} AS old ANTI JOIN touched"
        query += f" UNION ALL {kept} ON {same_shown_tile(view, 'old', 'touched')}"
    connection.execute(f"COPY ({query}) TO {literal(into)} {_PARQUET}")
    connection.unregister("touched")
    return True


def _batch(
    connection: Connection, view: View, places: Sequence[Place], tables: ViewTables | None
) -> Mapping[int, Cells]:
    """The batch part of tiles by their place in the list."""
    if tables is None:
        return {}
    width = len(view.key_fields) + 1
    typed = [*tile_table.columns(view)[:width], ("number", "BIGINT")]
    wanted = tile_table.arrow(typed, [(*key, start, number) for number, (key, start) in enumerate(places)])
    connection.register("wanted", wanted)
    packed = ", ".join(f"base.{quoted(name)}" for name, _ in view.columns)
    found = connection.execute(
        f"SELECT wanted.number, {packed} FROM ({published(view, tables)}) AS base"
        f" JOIN wanted ON {same_tile(view, 'base', 'wanted')}"
    ).fetchall()
    connection.unregister("wanted")
    return {row[0]: view.unpack(row[1:]) for row in found}


def _rows(
    view: View, places: Sequence[Place], view_fold: ViewFold, batch: Mapping[int, Cells]
) -> Iterator[tuple[Any, ...]]:
    shown = aggregate_columns(view)
    for number, (key, start) in enumerate(places):
        cells = view_fold.cells(view, key, start)
        if cells is None:  # it was beyond `keep`, and went
            continue
        if number in batch:
            cells = view.merge(batch[number], cells)
        values = (_value(each, state) for each, state in zip(shown, cells, strict=True))
        yield (*key, None if view.tile_us is None else start, *values)


def _value(each: AggregateColumns, state: Any) -> Any:
    """What the column of an aggregate holds."""
    aggregate, type_ = each.aggregate, each.shown.type
    if type_ == "TIMESTAMPTZ":
        return aggregate.pack(state)[-1]
    found = aggregate.present(state)
    if each.shown.sql is None:
        return each.shown.value(found)
    if type_ == "BIGINT" and found is not None and not -_LIMIT <= found < _LIMIT:
        return None  # a sum beyond 64 bits, as in the published table
    return found
