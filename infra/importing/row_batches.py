"""Rows of a file, and how they travel: in batches that are bounded by number and by bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from eventlog.intake.parsed_events import Reason

BATCH_ROWS = 5_000
BATCH_BYTES = 8 * 2**20
"""A batch ends with the row that reaches either."""


@dataclass(frozen=True, slots=True)
class FilePosition:
    """Where reading goes on: the next row, and for text files the byte at which it begins (0: at the start)."""

    row: int = 0
    byte: int = 0


@dataclass(frozen=True, slots=True)
class FileColumns:
    """What is known of the columns of a file before it is read.

    Attributes
    ----------
    known
        The names that columns may have.
    text
        In CSV an empty cell is a missing value; in these columns it is the empty text.
    """

    known: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()


NO_COLUMNS = FileColumns()


class FileRow(NamedTuple):
    """One row of a file.

    Attributes
    ----------
    text
        JSON; as it stands in the file if it is refused; empty if it is blank.
    end
        The byte behind it; 0 in a file that is not text.
    line
        The 1-based line where it begins; 0 in a file that is not text.
    refused
        Why it can be no event, found before anybody looked into it.
    """

    text: bytes
    end: int = 0
    line: int = 0
    refused: list[Reason] | None = None


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Consecutive rows.

    Attributes
    ----------
    start, end
        The places before the first and after the last of them.
    rows, lines
        Of each row its `Row.text` and its `Row.line`. Blank rows count: a row's number is its place in the file.
    refused
        By place in the batch, why rows can be no events.
    """

    start: FilePosition
    end: FilePosition
    rows: list[bytes]
    lines: list[int] = field(default_factory=list)
    refused: dict[int, list[Reason]] = field(default_factory=dict)


def batched(rows: Iterable[FileRow], start: FilePosition, most_rows: int) -> Iterator[RowBatch]:
    """Rows from a place on, in batches."""
    some: list[FileRow] = []
    size = 0
    for row in rows:
        some.append(row)
        size += len(row.text)
        if len(some) >= most_rows or size >= BATCH_BYTES:
            batch = _batch(start, some)
            yield batch
            start, some, size = batch.end, [], 0
    if some:
        yield _batch(start, some)


def _batch(start: FilePosition, rows: list[FileRow]) -> RowBatch:
    refused = {index: row.refused for index, row in enumerate(rows) if row.refused is not None}
    end = FilePosition(start.row + len(rows), rows[-1].end)
    return RowBatch(start, end, [row.text for row in rows], [row.line for row in rows], refused)
