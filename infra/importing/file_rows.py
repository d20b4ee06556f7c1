"""A file of rows: CSV, NDJSON or Parquet, read from any place on, a batch at a time.

CSV and NDJSON may be packed with gzip; bytes are then those of what was packed.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from eventlog.intake.parsed_events import reason
from infra.errors import ImportFileError
from infra.importing import csv_rows, parquet_rows
from infra.importing.row_batches import BATCH_ROWS, NO_COLUMNS, FileColumns, FilePosition, FileRow, RowBatch, batched
from infra.importing.text_lines import Line, lines_of

MAX_ROW_BYTES = 32 * 2**20
_KINDS = (".csv", ".tsv", ".ndjson", ".jsonl", ".parquet")


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
        kind = _kind(path)
        digest, line_ends = hashlib.sha256(), [0, 0]
        try:
            with _opened(path) as file:
                while part := file.read(1 << 20):
                    digest.update(part)
                    line_ends[0] += part.count(b"\n")
                    line_ends[1] += part.count(b"\r")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ImportFileError(path, f"it is not gzip, or not all of it ({error})") from None
        return cls(path, digest.hexdigest(), parquet_rows.row_count(path) if kind == ".parquet" else max(line_ends))

    def columns(self, known: frozenset[str] = frozenset()) -> list[str]:
        """The names of its columns; none where every row names its own.

        Raises
        ------
        ImportFileError
            If a column occurs twice, or there is no header.
        """
        kind = _kind(self.path)
        if kind == ".parquet":
            return parquet_rows.column_names(self.path)
        if kind in (".ndjson", ".jsonl"):
            return []
        with _opened(self.path) as file:
            return [name for name in _header(self.path, file, known).names if name]

    def batches(
        self,
        place: FilePosition,
        columns: FileColumns = NO_COLUMNS,
        batch_rows: int = BATCH_ROWS,
        max_row_bytes: int = MAX_ROW_BYTES,
    ) -> Iterator[RowBatch]:
        """The rows from `place` on.

        Parameters
        ----------
        place
            Where to begin.
        columns
            Those of a CSV file.
        batch_rows
            How many rows a batch has at most.
        max_row_bytes
            A larger row of a text file is refused.

        Raises
        ------
        ImportFileError
            If there is no header that can be read, or a Parquet file is damaged.
        """
        return batched(self._rows(place, columns, max_row_bytes), place, batch_rows)

    def _rows(self, place: FilePosition, columns: FileColumns, max_row_bytes: int) -> Iterator[FileRow]:
        kind = _kind(self.path)
        if kind == ".parquet":
            yield from parquet_rows.read_rows(self.path, place.row)
            return
        with _opened(self.path) as file:
            if kind in (".ndjson", ".jsonl"):
                yield from (_json_row(line, max_row_bytes) for line in lines_of(file, place.byte, max_row_bytes))
                return
            header = _header(self.path, file, columns.known)
            lines = lines_of(file, place.byte or header.end, max_row_bytes)
            yield from csv_rows.read_rows(header, lines, columns, max_row_bytes)


def _header(path: Path, file: BinaryIO, known: frozenset[str]) -> csv_rows.Header:
    lines = lines_of(file, 0, MAX_ROW_BYTES)
    return csv_rows.read_header(path, lines, known, "\t" if _kind(path) == ".tsv" else None)


def _json_row(line: Line, max_row_bytes: int) -> FileRow:
    if line.size > max_row_bytes:
        said = f"the row has {line.size:,} bytes; at most {max_row_bytes:,} (ANABRANCH_MAX_EVENT_BYTES) are taken"
        return FileRow(line.raw, line.end, line.number, [reason("", said, "too_large")])
    return FileRow(line.raw.removeprefix(codecs.BOM_UTF8).strip(), line.end, line.number)


def _kind(path: Path) -> str:
    """The end of its name that tells what it holds; raises `ImportFileError` if it tells nothing."""
    packed = path.suffix.lower() == ".gz"
    kind = Path(path.stem if packed else path.name).suffix.lower()
    if kind not in _KINDS or (packed and kind == ".parquet"):
        known = ", ".join(_KINDS)
        raise ImportFileError(path, f"cannot tell what it holds; its name must end in {known} (text also in .gz)")
    return kind


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")
