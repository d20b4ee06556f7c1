"""The fold of a view as SQL: for views without functions of the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.agg.aggregate import Aggregate
from anabranch.view import View
from batch import duck, tile_table
from batch.index_file import key_columns
from batch.plan import Slice

if TYPE_CHECKING:
    import duckdb

FETCHED_TILES = 10_000
"""Tiles that are in Python at a time, where an aggregate needs Python."""


def fold(connection: duckdb.DuckDBPyConnection, view: View, files: Sequence[str], part: Slice, into: Path) -> None:
    """Fold a slice of the lake into a table of tiles, a Parquet file."""
    folds = [Folding.of(aggregate, f"v{index}") for index, aggregate in enumerate(view.aggregates.values())]
    expressions = [expression for folding in folds for expression in folding.expressions]
    query = f"SELECT {_list(key_columns(view), ['tile'], expressions)} FROM ({_events(view, files, part)}) GROUP BY ALL"
    if all(folding.gatherer is None for folding in folds):
        query = f"SELECT * FROM ({query}) AS t({_list(tile_table.names(view))})"
        connection.execute(f"COPY ({query}) TO {duck.text(into)} (FORMAT parquet)")
    else:
        _gather(connection.execute(query), view, folds, into)


@dataclass(frozen=True, slots=True)
class Folding:
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
    def of(cls, aggregate: Aggregate, value: str) -> Folding:
        """The folding of a column of plain values."""
        expressions = aggregate.fold_sql(value, ORDER)
        return cls((aggregate.gather_sql(value),), aggregate) if expressions is None else cls(expressions, None)


ORDER = "struct_pack(a := placed_time, b := placed_partition, c := placed_offset)"
"""The place of an event in the total order, `anabranch.events.Order`."""


def usable(connection: duckdb.DuckDBPyConnection, view: View, files: Sequence[str]) -> bool:
    """Whether the typed columns of these files of the lake say all that the fold of this view looks at.

    They do not where a file is older than one of the fields (the field's default counts then), or where a column holds
    JSON text, whose ``null`` is not NULL.
    """
    fields = {name: view.of.fields[name] for name in _fields(view)}
    if not view.vectorised or any(f.kind == "other" and f.items in (None, "other") for f in fields.values()):
        return False
    schemas = f"parquet_schema([{', '.join(map(duck.text, files))}])"
    found = dict(connection.execute(f"SELECT name, count(DISTINCT file_name) FROM {schemas} GROUP BY name").fetchall())
    return all(found.get(name) == len(files) for name in fields)


def _fields(view: View) -> set[str]:
    used = {aggregate.field for aggregate in view.aggregates.values() if aggregate.field is not None}
    return used if callable(view.by) else used | set(view.key_fields)


def _events(view: View, files: Sequence[str], part: Slice) -> str:
    """SQL of one row an event: the key, the tile, the value of each aggregate, the place in the order."""
    time = "epoch_us(_time)"
    columns = [f"{duck.name(field)} AS {key}" for field, key in zip(view.key_fields, key_columns(view), strict=True)]
    columns.append(f"{_tile(time, view.tile_us)} AS tile")
    for index, aggregate in enumerate(view.aggregates.values()):
        columns.append(f"{_value(view, aggregate)} AS v{index}")
    if any(aggregate.ordered for aggregate in view.aggregates.values()):
        columns += [f"{time} AS placed_time", "_partition AS placed_partition", "_offset AS placed_offset"]
    return (
        f"SELECT {_list(columns)} FROM {duck.parquet(files)}"
        f" WHERE _offset >= {part.start} AND _offset < {part.end}"
    )


def _tile(time: str, width: int | None) -> str:
    """SQL of the start of a tile; it floors as Python does, also before 1970."""
    return "0::BIGINT" if width is None else f"{time} - (({time} % {width}) + {width}) % {width}"


def _value(view: View, aggregate: Aggregate) -> str:
    """SQL of the plain value that an aggregate takes."""
    if aggregate.field is None:
        return "1"
    column = duck.name(aggregate.field)
    return f"epoch_us({column})" if view.of.fields[aggregate.field].kind == "instant" else column


def _gather(
    result: duckdb.DuckDBPyConnection, view: View, folds: Sequence[Folding], into: Path
) -> None:
    """Write the packed states of what was gathered."""
    import pyarrow.parquet as pq

    typed = tile_table.columns(view)
    schema = tile_table.arrow(typed, []).schema
    with pq.ParquetWriter(into, schema) as writer:
        while found := result.fetchmany(FETCHED_TILES):
            rows = (tuple(_packed(row, len(view.key_fields) + 1, folds)) for row in found)
            writer.write_table(tile_table.arrow(typed, rows))


def _packed(row: tile_table.Row, at: int, folds: Sequence[Folding]) -> Iterator[object]:
    yield from row[:at]
    for folding in folds:
        width = len(folding.expressions)
        if folding.gatherer is None:
            yield from row[at : at + width]
        else:
            yield from folding.gatherer.pack(folding.gatherer.gathered(row[at]))
        at += width


def _list(*parts: Sequence[str]) -> str:
    return ", ".join(item for part in parts for item in part)
