"""Features as numbers: the same in training, from a table, and in predictions, from dicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import FeatureKind
from batch.models.encoding import Encoding
from batch.models.matrix import TrainingMatrix, chunks

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


ODD = st.fixed_dictionaries(
    {},
    optional={
        "size": st.none()
        | st.floats(allow_nan=False)
        | st.integers(-9, 9)
        | st.booleans()
        | st.sampled_from(["3", "x"]),
        "open": st.none() | st.booleans() | st.sampled_from(["1", 0.5]),
        "place": st.none() | st.sampled_from(["A", "B", "C", 1, True]),
    },
)


@given(st.lists(ODD, min_size=1, max_size=40))
def test_many_rows_are_encoded_as_each_of_them(rows: list[dict[str, Any]]) -> None:
    encoding = Encoding(KINDS, {"place": ["A", "B"]})
    one_by_one = np.concatenate([encoding.matrix([row]) for row in rows])
    np.testing.assert_array_equal(encoding.matrix(rows), one_by_one)


def test_what_is_missing_unseen_or_of_another_kind_is_not_a_number() -> None:
    encoding = Encoding(KINDS, {"place": ["A", "B"]})
    found = encoding.matrix(
        [
            {"size": 2, "open": True, "place": "B"},
            {"size": None, "open": None, "place": None},
            {"size": "text", "open": "yes", "place": "C"},
            {"size": True, "open": 0.5, "place": 1},
            {"more": 1},
        ]
    )
    nan = np.nan
    np.testing.assert_array_equal(found, [[2, 1, 1], [nan] * 3, [nan] * 3, [1, 0.5, nan], [nan] * 3])


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
