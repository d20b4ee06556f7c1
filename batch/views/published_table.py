"""What a published table holds, and how it is read: by the next run, and by whoever serves analysts.

Its columns are the key fields, ``tile``, one value column an aggregate and the packed columns (see `publish`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


def published(view: View, path: Path) -> str:
    """SQL of the table of tiles that a published table holds."""
    keys = [f"{quoted(field)} AS {k}" for field, k in zip(view.key_fields, view.key_columns, strict=True)]
    packed = [quoted(name) for name, _ in view.columns]
    columns = ", ".join([*keys, "coalesce(epoch_us(tile), 0) AS tile", *packed])
    return f"SELECT {columns} FROM {parquet_file(path)}"


def same_tile(view: View, left: str, right: str) -> str:
    """SQL of whether two rows are the same tile; a missing key value equals itself."""
    keys = [f"{left}.{key} IS NOT DISTINCT FROM {right}.{key}" for key in view.key_columns]
    return " AND ".join([*keys, f"{left}.tile = {right}.tile"])
