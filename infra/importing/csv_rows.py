"""The rows of a CSV file (RFC 4180) as people have it: each becomes an event, or is refused with its line and reason.

A quote that is never closed would make one cell of half the file. So when a row that goes over several lines cannot
be read, its first line alone is refused, and reading goes on with the next: every other row keeps its place.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from eventlog.intake.parsed_events import Reason, reason
from infra.errors import ImportFileError
from infra.importing.row_batches import FileColumns, FileRow
from infra.importing.text_lines import Line

DELIMITERS = ",;\t|"
"""What may stand between the cells of a CSV file: what finds the most fields in the header, or else a comma."""
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Header:
    """What the first lines of a file say.

    Attributes
    ----------
    names
        The columns in order; empty where a column has no name.
    delimiter
        What stands between the cells.
    end
        The byte behind it.
    """

    names: list[str]
    delimiter: str
    end: int


def read_header(path: Path, lines: Iterator[Line], known: frozenset[str], delimiter: str | None) -> Header:
    """The header: the first line that is not blank, or the one behind Excel's ``sep=;``.

    Parameters
    ----------
    known
        Names that columns may have: they tell which delimiter is meant.
    delimiter
        The delimiter, where the name of the file says it.

    Raises
    ------
    ImportFileError
        If there is none, if it is not UTF-8, or if it names a column twice.
    """
    for line in lines:
        try:
            text = line.raw.decode().removeprefix(_BOM)
        except UnicodeDecodeError as error:
            at = line.end - line.size + error.start
            raise ImportFileError(path, f"it is not UTF-8 at byte {at}; save it as CSV UTF-8") from None
        told = text.strip()
        if not told.strip('"'):
            continue
        if told.lower().startswith("sep=") and len(told) <= len("sep=;"):
            delimiter = text.rstrip("\r\n")[len("sep=") :] or delimiter
            continue
        delimiter = delimiter or _delimiter(text, known)
        names = _names(path, line, text, delimiter)
        return Header(names, delimiter, line.end)
    raise ImportFileError(path, "it is empty; the first line must name the columns")


def _delimiter(line: str, known: frozenset[str]) -> str:
    """What stands between the cells of a header.

    >>> _delimiter("id;At;amount", frozenset({"id", "at"}))
    ';'
    """
    wanted = {name.casefold() for name in known}

    def found(delimiter: str) -> int:
        return len(
            wanted.intersection(name.strip().casefold() for name in next(csv.reader([line], delimiter=delimiter), []))
        )

    return max(DELIMITERS, key=found)


def _names(path: Path, line: Line, text: str, delimiter: str) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise ImportFileError(
            path, f"line {line.number}, which must name the columns, cannot be read: {error}"
        ) from None
    for name, count in Counter(filter(None, names)).items():
        if count > 1:
            places = " and ".join(str(place) for place, found in enumerate(names, 1) if found == name)
            raise ImportFileError(path, f"columns {places} are both named {name!r}; rename or remove one")
    return names


def read_rows(header: Header, lines: Iterator[Line], columns: FileColumns, max_row_bytes: int) -> Iterator[FileRow]:
    """The rows behind the header, or behind any row.

    Parameters
    ----------
    lines
        From the beginning of a row on.
    max_row_bytes
        A larger row is refused.
    """
    csv.field_size_limit(max(max_row_bytes, csv.field_size_limit()))  # its own limit ends the whole file
    feed = _Feed(lines, max_row_bytes)
    reader = csv.reader(feed, delimiter=header.delimiter, strict=True)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RowTooLargeError) as error:
            first, *others = feed.taken
            feed.again(others)
            reader = csv.reader(feed, delimiter=header.delimiter, strict=True)
            yield FileRow(first.raw, first.end, first.number, [_unreadable(first, others, error, max_row_bytes)])
            continue
        first, last = feed.taken[0], feed.taken[-1]
        problem = feed.problem or _misfit(header.names, cells)
        if problem is not None and cells:
            raw = b"".join(line.raw for line in feed.taken)
            yield FileRow(raw, last.end, first.number, [problem])
        else:
            yield FileRow(_event(header.names, cells, columns.text), last.end, first.number)


class _RowTooLargeError(Exception):
    """A row is larger than is allowed."""


class _Feed:
    """Hands lines to `csv.reader`, which takes exactly those of the row that it returns, and can take them back.

    Attributes
    ----------
    taken
        The lines of the row at hand.
    problem
        Why the row at hand cannot be taken, whatever its cells are.
    """

    def __init__(self, lines: Iterator[Line], max_row_bytes: int):
        self.taken: list[Line] = []
        self.problem: Reason | None = None
        self._lines = lines
        self._again: deque[Line] = deque()
        self._max_row_bytes = max_row_bytes
        self._row_bytes = 0

    def begin(self) -> None:
        """Begin a row."""
        self.taken, self.problem, self._row_bytes = [], None, 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._row_bytes += line.size
        if self._row_bytes > self._max_row_bytes:
            raise _RowTooLargeError
        try:
            text = line.raw.decode()
        except UnicodeDecodeError as error:
            at = line.end - line.size + error.start
            self.problem = reason("", f"the row is not UTF-8 at byte {at} of the file", "not_utf8")
            text = line.raw.decode("utf-8", "replace")
        return text.removeprefix(_BOM) if line.number == 1 else text

    def again(self, lines: Sequence[Line]) -> None:
        """Hand out some lines once more."""
        self._again.extendleft(reversed(lines))


def _unreadable(first: Line, others: Sequence[Line], error: Exception, max_row_bytes: int) -> Reason:
    if first.size > max_row_bytes:
        said = f"the row has {first.size:,} bytes; at most {max_row_bytes:,} (ANABRANCH_MAX_EVENT_BYTES) are taken"
        return reason("", said, "too_large")
    if isinstance(error, _RowTooLargeError) or (others and "unexpected end" in str(error)):
        return reason("", "a quote opens in this line and is never closed; double a quote that is meant", "csv")
    where = f" in line {others[-1].number}" if others else ""
    return reason("", f"the quotes of this row do not match ({error}{where}); double a quote that is meant", "csv")


def _misfit(names: list[str], cells: list[str]) -> Reason | None:
    """Why cells do not fit the columns; cells too many do if they are empty: nothing is lost."""
    if len(cells) < len(names) or any(cells[len(names) :]):
        return reason("", f"the row has {len(cells)} cells, and the header names {len(names)} columns", "cells")
    for place, (name, cell) in enumerate(zip(names, cells, strict=False), 1):
        if cell and not name:
            return reason("", f"cell {place} stands under a column without a name", "cells", cell)
    return None


def _event(names: list[str], cells: list[str], text_fields: frozenset[str]) -> bytes:
    """The row as JSON: an empty cell is a missing value, except where a text is required. Blank rows are empty."""
    if not cells:
        return b""
    named = zip(names, cells, strict=False)
    return orjson.dumps({name: cell for name, cell in named if name and (cell or name in text_fields)})
