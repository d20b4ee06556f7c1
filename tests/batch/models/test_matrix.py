"""Training rows as numbers: the same numbers that a prediction is made of, and few of them in memory at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKind
from batch.models.encoding import Encoding
from batch.models.matrix import TrainingMatrix, chunks, frequent

KINDS: dict[str, FeatureKind] = {"size": "number", "open": "boolean", "place": "text"}
TYPES = {"size": pa.float64(), "open": pa.bool_(), "place": pa.string()}
FEATURES = st.fixed_dictionaries(
    {
        "size": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "open": st.none() | st.booleans(),
        "place": st.none() | st.text(max_size=2),
    }
)


def rows_of(features: list[dict[str, Any]]) -> TrainingMatrix:
    table = {name: pa.array([row[name] for row in features], type_) for name, type_ in TYPES.items()}
    return TrainingMatrix(pa.table({"_label": pa.array([1.0] * len(features)), **table}), KINDS)


@given(st.lists(FEATURES, min_size=1), st.lists(FEATURES, min_size=1))
def test_a_prediction_sees_the_numbers_that_training_saw(
    learnt: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    rows = rows_of(learnt)
    encoding = rows.encoding()
    assert Encoding.of(encoding.data()) == encoding
    for features in (learnt, asked):
        np.testing.assert_array_equal(encoding.matrix(features), rows_of(features).matrix(encoding))


def test_rows_of_another_kind_than_the_encoding_are_not_numbers_either() -> None:
    rows = rows_of([{"size": 1.0, "open": True, "place": "A"}])
    other = Encoding({"place": "number", "size": "text", "gone": "number", "open": "number"}, {"size": ["1.0"]})
    np.testing.assert_array_equal(rows.matrix(other), [[np.nan, np.nan, np.nan, 1.0]])


def test_where_texts_are_too_many_the_most_frequent_are_kept() -> None:
    places = ["d"] * 4 + ["c"] * 3 + ["b"] * 3 + ["a", None, None, None, None, None]
    rows = rows_of([{"size": 0.0, "open": False, "place": place} for place in places])
    assert rows.encoding(2).categories == {"place": ["b", "d"]}
    assert rows.encoding(4).categories == {"place": ["a", "b", "c", "d"]}


def test_a_table_is_read_in_lots_without_gap_or_overlap(tmp_path: Path) -> None:
    table = rows_of([{"size": float(n), "open": None, "place": "x"} for n in range(100)]).table
    path = str(tmp_path / "table.parquet")
    pq.write_table(table, path, row_group_size=7)
    for start, end in ((0, 100), (5, 50), (6, 8), (99, 100), (3, 3)):
        lots = list(chunks(path, KINDS, start, end))
        assert [v for lot in lots for v in lot.table["size"].to_pylist()] == list(map(float, range(start, end)))
        assert all(0 < len(lot) <= 7 for lot in lots)
    assert len(TrainingMatrix.read(path, KINDS).between(10, 30)) == 20


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 5), max_size=8), st.integers(0, 9))
def test_no_text_that_is_left_out_is_more_frequent_than_one_that_is_kept(counts: dict[str, int], most: int) -> None:
    kept = frequent(counts, most)
    assert kept == sorted(set(kept))
    assert len(kept) == min(most, len(counts))
    left_out = [count for text, count in counts.items() if text not in kept]
    assert max(left_out, default=0) <= min((counts[text] for text in kept), default=max(left_out, default=0))


@pytest.mark.parametrize("type_", [pa.float64(), pa.bool_(), pa.int64(), pa.string()])
def test_labels_come_as_they_are(type_: pa.DataType) -> None:
    by_type: dict[str, list[Any]] = {"double": [1.5, -2.0], "bool": [True, False], "int64": [2**62, -1]}
    labels = by_type.get(str(type_), ["a", ""])
    rows = TrainingMatrix(pa.table({"_label": pa.array(labels, type_)}), {})
    assert rows.labels().tolist() == labels
    assert list(map(type, rows.labels().tolist())) == list(map(type, labels))
