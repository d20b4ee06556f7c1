from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import ImportFileError
from infra.importing.file_rows import FileRows
from infra.importing.row_batches import BATCH_BYTES, FilePosition


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    with pytest.raises(ImportFileError, match="2 columns are named 'a'"):
        FileRows.of(path).columns()


def test_a_damaged_file_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [str(n) * 50 for n in range(1_000)]}), path, row_group_size=100, compression="zstd")
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 400] = b"\0" * 400
    path.write_bytes(bytes(content))
    with pytest.raises(ImportFileError, match="cannot be read, the file is damaged"):
        list(FileRows.of(path).batches(FilePosition()))


def test_batches_of_wide_rows_are_bounded_by_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [chr(97 + n % 26) * 1_000_000 for n in range(30)]}), path)
    batches = list(FileRows.of(path).batches(FilePosition()))
    assert sum(len(batch.rows) for batch in batches) == 30
    assert max(sum(map(len, batch.rows)) for batch in batches) <= BATCH_BYTES + 1_000_100
