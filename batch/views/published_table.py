"""What the published tables of a view hold, and how they are read: by the next run, and by whoever serves analysts.

Their columns are the key fields, ``tile``, one value column an aggregate and the packed columns (see `publish`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.agg.aggregate import Aggregate
from anabranch.view import View
from batch.duckdb_session import parquet_file, quoted
from batch.views.presentation import Presentation, presentation


@dataclass(frozen=True, slots=True)
class AggregateColumns:
    """One aggregate of a view, as its columns in a table.

    Attributes
    ----------
    columns
        The quoted names of its packed columns.
    merged
        SQL that merges each of them; of an aggregate that only Python merges, a list of all of them.
    in_python
        Whether the single merged column is a list of states.
    shown
        What analysts see of it.
    """

    name: str
    aggregate: Aggregate
    columns: tuple[str, ...]
    merged: tuple[str, ...]
    in_python: bool
    shown: Presentation

    @property
    def needs_python(self) -> bool:
        """Whether Python has to look at every state."""
        return self.in_python or self.shown.sql is None


def aggregate_columns(view: View) -> list[AggregateColumns]:
    """The aggregates of a view."""
    found = []
    for name, aggregate in view.aggregates.items():
        columns = tuple(quoted(f"{name}__{column.name}") for column in aggregate.columns)
        merged = aggregate.merge_sql(columns)
        found.append(
            AggregateColumns(
                name,
                aggregate,
                columns,
                (f"list({columns[0]})",) if merged is None else tuple(merged),
                merged is None,
                presentation(aggregate, columns),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class ViewTables:
    """The tables of a view in one generation.

    Attributes
    ----------
    paths
        Of the table of every layer, the newest first; at least one.
    oldest
        Where the oldest tile starts that the generation has, in microseconds: older layers hold tiles that `keep` has
        hidden since. None: it has all of them.
    """

    paths: tuple[str, ...]
    oldest: int | None = None


def newest_tiles(view: View, tables: ViewTables, columns: str = "*", within: str | None = None) -> str:
    """SQL of the rows of every tile that a generation has, as its newest layer has it. One layer comes as it is sorted.

    Parameters
    ----------
    columns
        SQL of what is wanted of the columns of a published table.
    within
        SQL of tiles, by `same_shown_tile` of which rows are wanted; None: all. Every layer is narrowed down to them
        by itself: behind what hides a tile, DuckDB would read all of each layer for it.
    """
    place = ", ".join(quoted(field) for field in (*view.key_fields, "tile"))
    kept = view.kept_sql("layer.tile", tables.oldest, "TIMESTAMPTZ")
    found = []
    for index, path in enumerate(tables.paths):
        query = f"SELECT {columns} FROM {parquet_file(path)} AS layer"
        if within is not None:
            query += f" SEMI JOIN ({within}) AS wanted ON {same_shown_tile(view, 'layer', 'wanted')}"
        if index:
            newer = " UNION ALL ".join(f"SELECT {place} FROM {parquet_file(path)}" for path in tables.paths[:index])
            query += f" ANTI JOIN ({newer}) AS newer ON {same_shown_tile(view, 'layer', 'newer')}"
        found.append(f"{query} WHERE {kept}")
    return " UNION ALL ".join(found)


def published(view: View, tables: ViewTables, within: str | None = None) -> str:
    """SQL of the table of tiles that published tables hold; parameters as of `newest_tiles`."""
    packed = [quoted(name) for name, _ in view.columns]
    return newest_tiles(view, tables, ", ".join([*_place(view), *packed]), within)


def carried(view: View, tables: ViewTables) -> str:
    """SQL of all columns of published tables, the key and the tile as in a table of tiles."""
    rest = [quoted(name) for name in (*view.aggregates, *(name for name, _ in view.columns))]
    return newest_tiles(view, tables, ", ".join([*_place(view), *rest]))


def _place(view: View) -> Iterator[str]:
    for field, key in zip(view.key_fields, view.key_columns, strict=True):
        yield f"{quoted(field)} AS {key}"
    yield "coalesce(epoch_us(tile), 0) AS tile"


def same_tile(view: View, left: str, right: str) -> str:
    """SQL of whether two rows of tables of tiles are the same tile; a missing key value equals itself."""
    keys = [f"{left}.{key} IS NOT DISTINCT FROM {right}.{key}" for key in view.key_columns]
    return " AND ".join([*keys, f"{left}.tile = {right}.tile"])


def same_shown_tile(view: View, left: str, right: str) -> str:
    """SQL of whether two rows of published tables are the same tile."""
    fields = [quoted(field) for field in (*view.key_fields, "tile")]
    return " AND ".join(f"{left}.{field} IS NOT DISTINCT FROM {right}.{field}" for field in fields)
