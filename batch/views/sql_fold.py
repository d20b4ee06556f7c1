"""The fold of a view as SQL: for views without functions of the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.agg.aggregate import Aggregate
from anabranch.view import View
from batch.duckdb_session import literal, parquet_files, quoted
from batch.plan import Slice
from batch.views import tile_table
from eventlog.lake.typed_columns import untold_columns

if TYPE_CHECKING:
    import duckdb

FETCHED_TILES = 10_000
"""Tiles that are in Python at a time, where an aggregate needs Python."""


def fold(
    connection: duckdb.DuckDBPyConnection, view: View, files: Sequence[str], part: Slice, into: Path
) -> int | None:
    """Fold a slice of the lake into a table of tiles, a Parquet file. Returns the newest event time; None: no event.

    The file has one column more than a table of tiles: the newest event time in each.
    """
    values = _values(view)
    folds = [AggregateFold.of(aggregate, values[_value(view, aggregate)]) for aggregate in view.aggregates.values()]
    columns = [*view.key_columns, "tile", *(e for folding in folds for e in folding.expressions), "max(placed_time)"]
    query = f"SELECT {', '.join(columns)} FROM ({_events(view, files, part)}) GROUP BY ALL"
    if any(folding.gatherer is not None for folding in folds):
        return _gather(connection.execute(query), view, folds, into)
    named = f"SELECT * FROM ({query}) AS t({', '.join([*tile_table.names(view), 'newest'])})"
    connection.execute(f"COPY ({named}) TO {literal(into)} (FORMAT parquet)")
    found: tuple[int | None] | None = connection.execute(f"SELECT max(newest) FROM {parquet_files([into])}").fetchone()
    return None if found is None else found[0]


@dataclass(frozen=True, slots=True)
class AggregateFold:
    """How one aggregate is folded.

    Attributes
    ----------
    expressions
        The SQL aggregates to compute.
    gatherer
        What makes a state of the single value that was computed; None: they are the packed columns already.
    """

    expressions: tuple[str, ...]
    gatherer: Aggregate | None

    @classmethod
    def of(cls, aggregate: Aggregate, value: str) -> AggregateFold:
        """The folding of a column of plain values."""
        expressions = aggregate.fold_sql(value, ORDER)
        return cls((aggregate.gather_sql(value, ORDER),), aggregate) if expressions is None else cls(expressions, None)


ORDER = "struct_pack(a := placed_time, b := placed_partition, c := placed_offset)"
"""The place of an event in the total order, `anabranch.events.Order`."""


def usable(view: View, files: Sequence[str]) -> bool:
    """Whether the typed columns of these files of the lake say all that the fold of this view looks at.

    They do not where a file does not tell one of the fields (see `untold_columns`: the event itself does, or what the
    field meant when it came), or where a column holds JSON text, whose ``null`` is not NULL.
    """
    fields = {name: view.of.fields[name] for name in _fields(view)}
    if not view.vectorised or any(f.kind == "other" and f.items in (None, "other") for f in fields.values()):
        return False
    return not fields or not any(untold_columns(file, fields) for file in files)


def _fields(view: View) -> set[str]:
    used = {aggregate.field for aggregate in view.aggregates.values() if aggregate.field is not None}
    return used if callable(view.by) else used | set(view.key_fields)


def _events(view: View, files: Sequence[str], part: Slice) -> str:
    """SQL of one row an event: the key, the tile, the value of each aggregate, the place in the order."""
    time = "epoch_us(_time)"
    columns = [f"{quoted(field)} AS {key}" for field, key in zip(view.key_fields, view.key_columns, strict=True)]
    columns += [f"{tile_sql(time, view.tile_us)} AS tile", f"{time} AS placed_time"]
    columns += [f"{value} AS {alias}" for value, alias in _values(view).items()]
    if any(aggregate.ordered for aggregate in view.aggregates.values()):
        columns += ["_partition AS placed_partition", "_offset AS placed_offset"]
    return f"SELECT {', '.join(columns)} FROM {parquet_files(files)} WHERE {within(part)}"


def within(part: Slice) -> str:
    """SQL of whether a record of the lake is in a slice."""
    found = f"_offset >= {part.start} AND _offset < {part.end}"
    if part.without:
        found += f" AND _offset NOT IN ({', '.join(map(str, part.without))})"
    return found


def tile_sql(time: str, width: int | None) -> str:
    """SQL of the start of the tile of a time, both in microseconds; it floors as Python does, also before 1970."""
    if width is None:
        return "0::BIGINT"
    # one division, which rounds towards zero: two remainders took a fifth of the whole fold
    return f"({time} - CASE WHEN {time} < 0 THEN {width - 1} ELSE 0 END) // {width} * {width}"


def _values(view: View) -> dict[str, str]:
    """The name of every value that is aggregated, by its SQL. What has one name, DuckDB aggregates once."""
    distinct = dict.fromkeys(_value(view, aggregate) for aggregate in view.aggregates.values())
    return {value: f"v{index}" for index, value in enumerate(distinct)}


def _value(view: View, aggregate: Aggregate) -> str:
    """SQL of the plain value that an aggregate takes."""
    if aggregate.field is None:
        return "1"
    column = quoted(aggregate.field)
    return f"epoch_us({column})" if view.of.fields[aggregate.field].kind == "instant" else column


def _gather(result: duckdb.DuckDBPyConnection, view: View, folds: Sequence[AggregateFold], into: Path) -> int | None:
    """Write the packed states of what was gathered; returns the newest event time."""
    import pyarrow.parquet as pq

    newest: int | None = None
    typed = tile_table.columns(view)
    with pq.ParquetWriter(into, tile_table.arrow(typed, []).schema) as writer:
        while found := result.fetchmany(FETCHED_TILES):
            rows = (tuple(_packed(row, len(view.key_fields) + 1, folds)) for row in found)
            writer.write_table(tile_table.arrow(typed, rows))
            times = [row[-1] for row in found]
            newest = max(times if newest is None else [newest, *times])
    return newest


def _packed(row: tile_table.Row, at: int, folds: Sequence[AggregateFold]) -> Iterator[object]:
    """The row of a table of tiles for a row of the query, whose aggregates begin at `at`."""
    yield from row[:at]
    for folding in folds:
        width = len(folding.expressions)
        if folding.gatherer is None:
            yield from row[at : at + width]
        else:
            yield from folding.gatherer.pack(folding.gatherer.gathered(row[at]))
        at += width
