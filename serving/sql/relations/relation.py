"""A relation: what analysts see under one name, with a comment on every column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from batch.duckdb_session import parquet_files, quoted
from serving.sql.relations.snapshot_contents import SnapshotContents


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column.

    Attributes
    ----------
    name, type, comment
        What it is called, its SQL type, and what it means.
    untold
        SQL of its value in the rows of a file that does not tell it.
    """

    name: str
    type: str
    comment: str
    untold: str = "NULL"


@dataclass(frozen=True, slots=True)
class Relation:
    """A view of a snapshot.

    Attributes
    ----------
    name, comment
        How it is called, and what a row of it is.
    columns
        In order.
    source
        SQL of its rows in a snapshot of these contents; it has the columns by name, perhaps more.
    """

    name: str
    comment: str
    columns: Sequence[RelationColumn]
    source: Callable[[SnapshotContents], str]

    @property
    def names(self) -> str:
        """The quoted names of the columns."""
        return names(self.columns)


def names(columns: Iterable[RelationColumn]) -> str:
    """Quoted names, with commas."""
    return ", ".join(quoted(column.name) for column in columns)


def nothing(columns: Iterable[RelationColumn]) -> str:
    """SQL of no rows of these columns."""
    return f"SELECT {', '.join(f'NULL::{c.type} AS {quoted(c.name)}' for c in columns)} WHERE false"


def rows_of(
    files: Sequence[str], columns: Sequence[RelationColumn], untold: Mapping[str, Collection[str]] | None = None
) -> str:
    """SQL of the rows of Parquet files, some or all of which may lack a column.

    Parameters
    ----------
    untold
        By file, the columns that it does not tell, or lacks: see `RelationColumn.untold`. Others that it lacks are
        NULL.
    """
    files_by_untold: dict[frozenset[str], list[str]] = {}
    for file in files:
        absent = {column.name for column in columns if column.untold != "NULL"}.intersection(
            (untold or {}).get(file, ())
        )
        files_by_untold.setdefault(frozenset(absent), []).append(file)
    parts = [nothing(columns), *(_rows(some, columns, absent) for absent, some in files_by_untold.items())]
    return " UNION ALL ".join(parts)


def _rows(files: Sequence[str], columns: Sequence[RelationColumn], untold: Collection[str]) -> str:
    """SQL of the rows of files that all lack the same columns."""
    shown = ", ".join(
        f"({column.untold})::{column.type} AS {quoted(column.name)}" if column.name in untold else quoted(column.name)
        for column in columns
    )
    told = [column for column in columns if column.name not in untold]
    return f"SELECT {shown} FROM ({nothing(told)} UNION ALL BY NAME SELECT * FROM {parquet_files(files)})"
