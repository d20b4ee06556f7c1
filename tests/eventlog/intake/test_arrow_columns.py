"""Columns of Arrow bodies: which are taken, and what of them becomes JSON."""

from __future__ import annotations

import uuid
from datetime import date, time
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import MalformedBodyError
from eventlog.intake.arrow_columns import least_json_bytes, plain
from eventlog.intake.door import parse
from tests.eventlog.intake.door import ARROW, admitted, ipc, pings

LONG = "a text of more than twelve bytes, ä"
TAKEN: list[tuple[pa.Array, list[Any]]] = [
    (pa.array([True, None]), [True, None]),
    (pa.array([1.5, None], pa.float16()), [1.5, None]),
    (pa.array([Decimal("1.50"), None]), ["1.50", None]),
    (pa.array([date(2024, 5, 1), None]), ["2024-05-01", None]),
    (pa.array([time(1, 2), None]), ["01:02:00", None]),
    (pa.array(["a", None], pa.large_string()), ["a", None]),
    (pa.array([LONG, None], pa.string_view()), [LONG, None]),
    (pa.array(["x", "x"]).dictionary_encode(), ["x", "x"]),
    (pa.array([5, None]).dictionary_encode(), [5, None]),
    (pa.array([[1, 2], None], pa.list_(pa.float32(), 2)), [[1.0, 2.0], None]),
    (pa.array([[[1], []], None], pa.large_list(pa.list_(pa.int8()))), [[[1], []], None]),
    (pa.array([{"a": [LONG]}, None], pa.struct([("a", pa.list_(pa.string_view()))])), [{"a": [LONG]}, None]),
    (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), [str(uuid.UUID(int=5)), None]),
    (pa.nulls(2), [None, None]),
]


@pytest.mark.parametrize("compression", [None, "zstd"])
@pytest.mark.parametrize(("column", "values"), TAKEN, ids=lambda case: str(getattr(case, "type", "")))
def test_a_column_of_this_type_becomes_json(column: pa.Array, values: list[Any], compression: str | None) -> None:
    body = ipc(pa.table({"n": [1, 2], "x": column}))
    assert [orjson.loads(event)["x"] for event in admitted(ARROW, body, pings).append.data] == values


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a"]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        pa.RunEndEncodedArray.from_arrays([1], ["a"]),
        pa.ListViewArray.from_arrays(pa.array([0], pa.int32()), pa.array([1], pa.int32()), pa.array(["a"])),
        pa.ListArray.from_arrays([0, 1], pa.array(["a"]).dictionary_encode()),
        pa.array([[b"a"]]),
        pa.DictionaryArray.from_arrays([0], pa.array([[1]])),
    ],
    ids=lambda column: str(column.type)[:40],
)
def test_a_column_of_another_type_is_refused_by_its_name(column: pa.Array) -> None:
    with pytest.raises(MalformedBodyError, match="column 'odd'"):
        parse(ARROW, ipc(pa.table({"n": [1], "odd": column})), pings)


def test_a_name_may_stand_over_one_column_only() -> None:
    with pytest.raises(MalformedBodyError, match="two columns 'n'"):
        parse(ARROW, ipc(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])), pings)


ROWS = st.lists(
    st.fixed_dictionaries({"a": st.none() | st.text(max_size=30), "b": st.none() | st.lists(st.text(max_size=9))})
)


@given(ROWS, st.sampled_from([pa.string(), pa.string_view(), pa.large_string()]), st.integers(0, 3))
def test_the_least_that_rows_take_is_never_more_than_they_take(
    rows: list[dict[str, Any]], text: pa.DataType, skipped: int
) -> None:
    schema = pa.schema([("a", text), ("b", pa.list_(text)), ("s", pa.struct([("a", text)]))])
    rows = [{**row, "s": {"a": row["a"]}} for row in rows]
    batch = pa.RecordBatch.from_pylist(rows, schema).slice(skipped)
    written = sum(len(orjson.dumps(row)) for row in batch.to_pylist())
    assert least_json_bytes(batch) <= written
    assert batch.num_rows == 0 or least_json_bytes(batch) > 0


def test_a_dictionary_is_looked_up_only_if_that_takes_no_more_than_it_may() -> None:
    column = pa.DictionaryArray.from_arrays([0, None, 0], ["x" * 1_000])
    batch = pa.record_batch({"x": column})
    assert plain(batch, 1_000) is None
    decoded = plain(batch, 3_000)
    assert decoded is not None
    assert decoded.column(0).to_pylist() == ["x" * 1_000, None, "x" * 1_000]
