"""A relation: what analysts see under one name, with a comment on every column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from batch import duck
from serving.sql.snapshot_contents import SnapshotContents


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column: its name, its SQL type, and what it means."""

    name: str
    type: str
    comment: str


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
    return ", ".join(duck.name(column.name) for column in columns)


def nothing(columns: Iterable[RelationColumn]) -> str:
    """SQL of no rows of these columns."""
    return f"SELECT {', '.join(f'NULL::{c.type} AS {duck.name(c.name)}' for c in columns)} WHERE false"


def rows_of(files: Sequence[str], columns: Sequence[RelationColumn]) -> str:
    """SQL of the rows of Parquet files, some or all of which may lack a column: it is NULL there."""
    if not files:
        return nothing(columns)
    return f"SELECT {names(columns)} FROM ({nothing(columns)} UNION ALL BY NAME SELECT * FROM {duck.parquet(files)})"
