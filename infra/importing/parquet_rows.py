"""The rows of a Parquet file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from infra.errors import ImportFileError
from infra.importing.row_batches import BATCH_BYTES, BATCH_ROWS, FileRow


def row_count(path: Path) -> int:
    """How many rows a file has; raises `ImportFileError` if it is not Parquet."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def column_names(path: Path) -> list[str]:
    """Its columns; raises `ImportFileError` if two have the same name."""
    with _opened(path) as file:
        names = [str(name) for name in file.schema_arrow.names]
    for name, count in Counter(names).items():
        if count > 1:
            raise ImportFileError(path, f"{count} columns are named {name!r}; rename or remove some")
    return names


def read_rows(path: Path, first_row: int) -> Iterator[FileRow]:
    """The rows from a row on; raises `ImportFileError` where the file is damaged."""
    from pyarrow import ArrowException

    number = first_row
    try:
        with _opened(path) as file:
            group, skip = 0, first_row
            while group < file.num_row_groups and skip >= (size := file.metadata.row_group(group).num_rows):
                group, skip = group + 1, skip - size
            groups = range(group, file.num_row_groups)
            for table in file.iter_batches(_rows_at_a_time(file.metadata), row_groups=groups):
                if skip >= table.num_rows:
                    skip -= table.num_rows
                    continue
                for row in table.slice(skip).to_pylist():
                    yield FileRow(_json(row))
                    number += 1
                skip = 0
    except (ArrowException, OSError) as error:
        raise ImportFileError(path, f"row {number + 1:,} cannot be read, the file is damaged: {error}") from None


def _opened(path: Path) -> Any:
    from pyarrow import ArrowInvalid, parquet

    try:
        return parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise ImportFileError(path, f"it is not Parquet ({error})") from None


def _rows_at_a_time(metadata: Any) -> int:
    """So many rows that they are no more than a batch, going by what the largest row group says of its size."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    row_bytes = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1.0)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(row_bytes, 1.0))))


def _json(row: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in row.items() if value is not None}, default=_plain)


def _plain(value: object) -> object:
    """What JSON has no word for: bytes are taken as text, the rest (decimals, durations) by its text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
