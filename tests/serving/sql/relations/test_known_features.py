"""Which features recorded predictions have, and of which type: what makes their column a struct."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.duckdb_session import connect
from eventlog.decisions import PREDICTIONS
from eventlog.log.segment import Segment
from serving.sql.relations.known_features import KnownFeatures


def segment(*features: dict[str, Any], stream: str = PREDICTIONS) -> Segment:
    data = orjson.dumps([{"features": each} for each in features])
    nothing = [None] * len(features)
    return Segment(0, 0, stream, 0, array("q", [0] * len(features)), orjson.dumps((nothing, nothing)), data)


def noted(*features: dict[str, Any]) -> dict[str, str]:
    known = KnownFeatures()
    known.note([segment(*features)])
    return known.types


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1], "DOUBLE"),
        ([1.5], "DOUBLE"),
        ([True], "BOOLEAN"),
        (["a"], "VARCHAR"),
        ([None], "DOUBLE"),  # nothing else is known of it
        ([None, "a"], "VARCHAR"),
        (["a", None], "VARCHAR"),
        ([1, "a"], "VARCHAR"),  # models disagree
        (["a", 1, 2], "VARCHAR"),
        ([True, 1], "VARCHAR"),
    ],
)
def test_a_feature_has_the_type_of_its_values(values: list[Any], type_: str) -> None:
    assert noted(*({"f": value} for value in values)) == {"f": type_}


def test_features_are_known_in_the_order_in_which_they_were_first_seen() -> None:
    assert list(noted({"b": 1, "a": 1}, {"c": 1, "a": 1})) == ["b", "a", "c"]


def test_of_names_that_sql_cannot_tell_apart_the_first_is_known() -> None:
    assert noted({"Hour": 1}, {"hour": "x", "": 1}) == {"Hour": "DOUBLE"}


def test_other_streams_hold_no_predictions() -> None:
    known = KnownFeatures()
    known.note([segment({"f": 1}, stream="rentals")])
    assert known.types == {}


FEATURES = st.lists(
    st.dictionaries(st.sampled_from("abAB"), st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=1)),
    max_size=8,
)


@given(FEATURES, st.integers(0, 8))
def test_what_is_known_does_not_depend_on_how_records_come_together(features: list[dict[str, Any]], cut: int) -> None:
    known = KnownFeatures()
    known.note([segment(*features[:cut]), segment(*features[cut:])])
    assert known.types == noted(*features)
    assert list(known.types) == list(noted(*features))


def test_of_the_lake_the_newest_predictions_are_looked_at_oldest_first(tmp_path: Path) -> None:
    count = 1_500
    data = [orjson.dumps({"features": {"old": 1} if n == 0 else {f"f{n % 2}": n}}).decode() for n in range(count)]
    offsets = list(reversed(range(count)))
    path = tmp_path / "predictions.parquet"
    pq.write_table(pa.table({"_offset": offsets, "_data": [data[offset] for offset in offsets]}), path)
    known = KnownFeatures()
    with connect(1, 100_000_000, tmp_path / "spill") as connection:
        known.sample(connection, [str(path)])
        known.sample(connection, [])
    assert list(known.types) == ["f0", "f1"]
