"""The rows of a CSV, NDJSON or Parquet file as JSON objects, from any place on, a batch at a time.

CSV and NDJSON may be packed with gzip; bytes are then those of what was packed.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from infra.errors import ImportFileError

BATCH_ROWS = 5_000
DELIMITERS = ",;\t|"
"""What may stand between the cells of a CSV file: what finds the most fields in the first line, or else a comma."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading goes on: the next row, and for text files the byte at which it begins (0: at the start)."""

    row: int = 0
    byte: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows, each as JSON text, and the places before the first and after the last of them."""

    start: Place
    rows: list[bytes]
    end: Place


@dataclass(frozen=True, slots=True)
class HeaderColumns:
    """What is known of the columns of a CSV file.

    Attributes
    ----------
    known
        The names that columns may have.
    text
        In CSV an empty cell is a missing value; in these columns it is the empty text.
    """

    known: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()


NO_COLUMNS = HeaderColumns()
Reader = Callable[[Path, Place, HeaderColumns, int], Iterator[Batch]]
"""Reads a file from a place on; see `FileRows.batches` for the rest."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """A file of rows.

    Attributes
    ----------
    path
        The file.
    sha256
        Of its content: the same rows have the same identity wherever they lie.
    total
        How many rows it has; in a text file an estimate (its lines).
    """

    path: Path
    sha256: str
    total: int

    @classmethod
    def of(cls, path: Path) -> FileRows:
        """Look at a file; raises `ImportFileError` if it is not one of the kinds that can be read."""
        if not path.is_file():
            raise ImportFileError(path, "there is no such file")
        _reader(path)
        digest, lines = hashlib.sha256(), 0
        try:
            with _opened(path) as file:
                while part := file.read(1 << 20):
                    digest.update(part)
                    lines += part.count(b"\n")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ImportFileError(path, f"it is not gzip, or not all of it ({error})") from None
        return cls(path, digest.hexdigest(), _parquet_rows(path) if _is_parquet(path) else lines)

    def batches(
        self, place: Place, columns: HeaderColumns = NO_COLUMNS, batch_rows: int = BATCH_ROWS
    ) -> Iterator[Batch]:
        """The rows from `place` on.

        Parameters
        ----------
        place
            Where to begin.
        columns
            Those of a CSV file.
        batch_rows
            How many rows a batch has.
        """
        return _reader(self.path)(self.path, place, columns, batch_rows)


def _reader(path: Path) -> Reader:
    reader = _READERS.get(_kind(path))
    if reader is None or (reader is _parquet and _is_packed(path)):
        known = ", ".join(_READERS)
        raise ImportFileError(path, f"cannot tell what it holds; its name must end in {known} (text also in .gz)")
    return reader


def _kind(path: Path) -> str:
    """The end of its name that tells what it holds."""
    return Path(path.stem if _is_packed(path) else path.name).suffix.lower()


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if _is_packed(path) else path.open("rb")


def _ndjson(path: Path, place: Place, columns: HeaderColumns, batch_rows: int) -> Iterator[Batch]:
    with _opened(path) as file:
        file.seek(place.byte)
        yield from _batched(
            (line.removeprefix(codecs.BOM_UTF8).strip() for line in file), place, lambda: file.tell(), batch_rows
        )


def _csv(path: Path, place: Place, columns: HeaderColumns, batch_rows: int) -> Iterator[Batch]:
    with _opened(path) as file:
        lines = _Lines(path, file)
        tabs = _kind(path) == ".tsv"
        delimiter = "\t" if tabs else _delimiter(next(lines, ""), columns.known)
        lines.go_to(0)
        header = [name.strip() for name in next(_cells(path, lines, delimiter), [])]
        if not header:
            raise ImportFileError(path, "it is empty; the first line must name the columns")
        if place.byte:
            lines.go_to(place.byte)
        rows = (_csv_row(header, cells, columns.text) for cells in _cells(path, lines, delimiter))
        yield from _batched(rows, place, lambda: lines.byte, batch_rows)


def _cells(path: Path, lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    """The cells of each row, from where `lines` are."""
    reader, begins = csv.reader(lines, delimiter=delimiter), lines.byte
    try:
        for cells in reader:
            yield cells
            begins = lines.byte
    except csv.Error as error:  # a quote that is never closed makes a cell of half the file
        raise ImportFileError(path, f"the row that begins at byte {begins} cannot be read: {error}") from None


def _delimiter(line: str, known: frozenset[str]) -> str:
    """What stands between the cells of a first line.

    >>> _delimiter("id;at;amount", frozenset({"id", "amount"}))
    ';'
    """

    def found(delimiter: str) -> int:
        return len(known.intersection(name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])))

    return max(DELIMITERS, key=found)


def _csv_row(header: list[str], cells: list[str], text_fields: frozenset[str]) -> bytes:
    if not cells:
        return b""
    named = dict(zip(header, cells, strict=False))
    return orjson.dumps({name: cell for name, cell in named.items() if cell or name in text_fields})


class _Lines:
    """The lines of a file as text, counting bytes: `csv.reader` takes exactly those of the row it returns."""

    def __init__(self, path: Path, file: BinaryIO):
        self.path = path
        self.file = file
        self.byte = 0

    def go_to(self, byte: int) -> None:
        """Go on at a byte."""
        self.file.seek(byte)
        self.byte = byte

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline()
        if not line:
            raise StopIteration
        try:
            text = line.decode("utf-8-sig" if self.byte == 0 else "utf-8")
        except UnicodeDecodeError as error:
            raise ImportFileError(self.path, f"it is not UTF-8 at byte {self.byte + error.start}") from None
        self.byte += len(line)
        return text


def _batched(rows: Iterator[bytes], place: Place, byte: Callable[[], int], batch_rows: int) -> Iterator[Batch]:
    """Rows in batches; blank ones count, so that a row's number is its place in the file, but are passed over."""
    start, number, found = place, place.row, list[bytes]()
    for row in rows:
        number += 1
        found.append(row)
        if len(found) == batch_rows:
            end = Place(number, byte())
            yield Batch(start, found, end)
            start, found = end, []
    if found:
        yield Batch(start, found, Place(number, byte()))


def _parquet(path: Path, place: Place, columns: HeaderColumns, batch_rows: int) -> Iterator[Batch]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        first, skip = 0, place.row
        while first < file.num_row_groups and skip >= (size := file.metadata.row_group(first).num_rows):
            first, skip = first + 1, skip - size
        start = place
        for table in file.iter_batches(batch_rows, row_groups=range(first, file.num_row_groups)):
            if skip >= table.num_rows:
                skip -= table.num_rows
                continue
            rows = [_parquet_row(row) for row in table.slice(skip).to_pylist()]
            skip = 0
            end = Place(start.row + len(rows))
            yield Batch(start, rows, end)
            start = end


def _parquet_row(row: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in row.items() if value is not None}, default=_plain)


def _plain(value: object) -> object:
    """What JSON has no word for: bytes are taken as text, the rest (decimals, durations) by its text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _is_parquet(path: Path) -> bool:
    return _reader(path) is _parquet


def _parquet_rows(path: Path) -> int:
    from pyarrow import ArrowInvalid, parquet

    try:
        with parquet.ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    except ArrowInvalid as error:
        raise ImportFileError(path, f"it is not Parquet ({error})") from None


_READERS: dict[str, Reader] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".parquet": _parquet,
}
