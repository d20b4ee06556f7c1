"""The rows of a CSV, NDJSON or Parquet file as JSON objects, from any place on, a batch at a time."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from infra.errors import ImportFileError

BATCH_ROWS = 5_000


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


Reader = Callable[[Path, Place, frozenset[str], int], Iterator[Batch]]
"""Reads a file from a place on; see `Rows.batches` for the rest."""


@dataclass(frozen=True, slots=True)
class Rows:
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
    def of(cls, path: Path) -> Rows:
        """Look at a file; raises `ImportFileError` if it is not one of the kinds that can be read."""
        if not path.is_file():
            raise ImportFileError(path, "there is no such file")
        _reader(path)
        digest, lines = hashlib.sha256(), 0
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
                lines += part.count(b"\n")
        return cls(path, digest.hexdigest(), _parquet_rows(path) if _is_parquet(path) else lines)

    def batches(
        self, place: Place, text_fields: frozenset[str] = frozenset(), batch_rows: int = BATCH_ROWS
    ) -> Iterator[Batch]:
        """The rows from `place` on.

        Parameters
        ----------
        place
            Where to begin.
        text_fields
            In CSV an empty cell is a missing value; in these columns it is the empty text.
        batch_rows
            How many rows a batch has.
        """
        return _reader(self.path)(self.path, place, text_fields, batch_rows)


def _reader(path: Path) -> Reader:
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ImportFileError(path, f"cannot tell what it holds; its name must end in {', '.join(_READERS)}")
    return _READERS[suffix]


def _ndjson(path: Path, place: Place, text_fields: frozenset[str], batch_rows: int) -> Iterator[Batch]:
    with path.open("rb") as file:
        file.seek(place.byte)
        yield from _batched((line.strip() for line in file), place, lambda: file.tell(), batch_rows)


def _csv(path: Path, place: Place, text_fields: frozenset[str], batch_rows: int) -> Iterator[Batch]:
    with path.open("rb") as file:
        lines = _Lines(path, file)
        header = next(csv.reader(lines), None)
        if not header:
            raise ImportFileError(path, "it is empty; the first line must name the columns")
        if place.byte:
            file.seek(place.byte)
            lines.byte = place.byte
        rows = (_csv_row(header, cells, text_fields) for cells in csv.reader(lines))
        yield from _batched(rows, place, lambda: lines.byte, batch_rows)


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


def _parquet(path: Path, place: Place, text_fields: frozenset[str], batch_rows: int) -> Iterator[Batch]:
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
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".parquet": _parquet,
}
