"""Which typed columns a file of the lake really has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eventlog.lake.typed_columns import untold_columns


def written(path: Path, columns: dict[str, Any], rows_a_group: int = 2) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path


@pytest.mark.parametrize(
    ("values", "type_", "told"),
    [
        ([1, None, None, None], pa.int64(), True),
        ([None, None, None, 1], pa.int64(), True),  # in the last row group alone
        ([None] * 4, pa.int64(), False),
        (["", None, None, None], pa.string(), True),
        ([False, None, None, None], pa.bool_(), True),
        ([[1], None, None, None], pa.list_(pa.int64()), True),
        ([None] * 4, pa.list_(pa.int64()), False),
    ],
)
def test_a_column_is_told_if_it_holds_a_value_anywhere(
    tmp_path: Path, values: list[Any], type_: pa.DataType, told: bool
) -> None:
    path = written(tmp_path / "file.parquet", {"x": pa.array(values, type_), "y": [1, 2, 3, 4]})
    assert untold_columns(path, ["x", "y"]) == (frozenset() if told else {"x"})


def test_a_column_that_is_not_there_is_not_told_and_others_are_not_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "file.parquet", {"a": [1], "b": pa.array([None], pa.int64())})
    assert untold_columns(path, ["a", "gone"]) == {"gone"}
    assert untold_columns(path, []) == frozenset()


def test_a_file_without_rows_tells_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "file.parquet", {"a": pa.array([], pa.int64())})
    assert untold_columns(path, ["a"]) == {"a"}
