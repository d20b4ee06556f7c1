"""What Arrow holds, as JSON values: whole, cut from the middle, and with nothing in places."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.sql.sandbox.json_values import json_values

NESTED = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.map_(pa.string(), pa.list_(pa.float64(), 2)))])
NUMBERS = st.none() | st.integers(-9, 9)
PAIRS = st.none() | st.lists(st.none() | st.integers(-9, 9).map(float), min_size=2, max_size=2)
ROWS = st.none() | st.fixed_dictionaries(
    {"a": st.none() | st.lists(NUMBERS, max_size=3), "b": st.none() | st.dictionaries(st.sampled_from("xyz"), PAIRS)}
)


@given(st.lists(ROWS, max_size=9), st.integers(0, 9), st.integers(0, 9))
def test_what_is_nested_comes_out_as_it_went_in_from_any_part_of_an_array(rows: list[Any], at: int, count: int) -> None:
    array = pa.array(rows, NESTED)
    assert json_values(array.slice(min(at, len(rows)), count)) == rows[at : at + count]


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1, None]), [1, None]),
        (pa.array([float("inf"), 0.5, None]), [None, 0.5, None]),
        (pa.array([Decimal("1.50"), None]), [1.5, None]),
        (pa.array([Decimal(10**37)], pa.decimal128(38, 0)), [10**37]),
        (pa.array([b"\x00\xff"]), ["00ff"]),
        (pa.array(["x", None, "x"]).dictionary_encode(), ["x", None, "x"]),
        (pa.array([{}, None], pa.struct([])), [{}, None]),
        (pa.array([[(date(2024, 1, 1), 1)]], pa.map_(pa.date32(), pa.int64())), [{"2024-01-01": 1}]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_every_kind_has_its_form(array: pa.Array, values: list[Any]) -> None:
    assert json_values(array) == values


def test_a_union_is_whichever_of_its_members_it_is() -> None:
    with duckdb.connect() as connection:
        rows = "(VALUES (1::UNION(n INTEGER, t VARCHAR)), ('x'), (NULL)) AS v(u)"
        (chunk,) = connection.sql(f"FROM {rows}").to_arrow_table().column(0).chunks
    assert json_values(chunk) == [1, "x", None]
    assert json_values(chunk.slice(1, 1)) == ["x"]


@given(st.recursive(st.none() | st.integers(-9, 9), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_lists_of_any_depth_are_json(value: Any) -> None:
    try:
        array = pa.array([value])
    except pa.ArrowException:
        return  # lists and numbers side by side: no column is like that
    assert orjson.loads(orjson.dumps(json_values(array))) == [value]
