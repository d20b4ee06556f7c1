"""Files of rows that are written piece by piece, and features that turn out to be more than they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKinds
from anabranch.features import Features
from batch.models.row_file import RowWriter

FIXED = [("_offset", "BIGINT"), ("_label", "DOUBLE")]


def write(path: Path, lots: Sequence[Sequence[Features]], group_rows: int) -> pq.ParquetFile:
    """The file of some lots of rows, each added together, with the kinds that are known by its end."""
    writer = RowWriter(path, FIXED, group_rows=group_rows)
    kinds, offset = FeatureKinds(None), 0
    for lot in lots:
        assert [kinds.admit(features) for features in lot] == [None] * len(lot)
        offsets = list(range(offset, offset := offset + len(lot)))
        writer.add([offsets, [0.5] * len(lot)], lot, dict(kinds.by_name or {}))
    writer.close()
    assert writer.rows == offset
    return pq.ParquetFile(path)


NONES: Features = {"a": None, "b": True}
NUMBERS: Features = {"a": 7, "b": False}


@pytest.mark.parametrize("group_rows", [1, 2, 3, 1_000])
def test_a_feature_is_widened_also_where_it_is_written_already(tmp_path: Path, group_rows: int) -> None:
    lots: list[list[Features]] = [
        [NONES],
        [NONES, NONES],
        [{"a": "text", "b": False}],
        [{"a": None, "b": 2.5}],
        [NONES],
    ]
    found = write(tmp_path / "rows.parquet", lots, group_rows).read().to_pylist()
    assert [row["_offset"] for row in found] == [0, 1, 2, 3, 4, 5]
    assert [row["a"] for row in found] == [None, None, None, "text", None, None]
    assert [row["b"] for row in found] == [1.0, 1.0, 1.0, 0.0, 2.5, 1.0]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


@given(
    lots=st.lists(
        st.lists(
            st.fixed_dictionaries(
                {
                    "whole": st.none() | st.integers(-(2**53), 2**53),
                    "number": st.none() | st.booleans() | st.floats(allow_nan=False),
                    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                }
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=5,
    ),
    group_rows=st.integers(1, 6),
)
def test_any_rows_come_back_in_order_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, lots: Sequence[Sequence[Features]], group_rows: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    with write(path, lots, group_rows) as file:
        rows = file.read().to_pylist()
        assert [row["_offset"] for row in rows] == list(range(len(rows)))
        expected = [features for lot in lots for features in lot]
        assert [{name: row[name] for name in ("whole", "number", "text")} for row in rows] == expected


def test_rows_are_written_in_groups_that_bound_the_memory(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.parquet", [[NUMBERS, NUMBERS]] * 5, group_rows=4)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 2]


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "rows" / "empty.parquet", [], group_rows=4)
    assert (file.metadata.num_rows, file.schema_arrow.names) == (0, ["_offset", "_label"])


def test_a_number_beyond_the_whole_numbers_of_a_float_is_the_nearest_one(tmp_path: Path) -> None:
    found = write(tmp_path / "rows.parquet", [[{"a": 2**53 + 1}], [{"a": 2**70}]], group_rows=1).read()
    assert found["a"].to_pylist() == [2.0**53, 2.0**70]
