"""What messages of an Arrow stream declare, beside what pyarrow makes of them."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.intake.arrow_metadata import BATCH, DICTIONARY, SCHEMA, Declared, declared
from tests.hostile.bodies import ipc, ipc_of

TYPES = st.sampled_from(
    [
        pa.int8(),
        pa.float64(),
        pa.bool_(),
        pa.string(),
        pa.large_string(),
        pa.null(),
        pa.list_(pa.int16()),
        pa.string_view(),
    ]
)


def messages(body: bytes) -> list[Declared]:
    found = []
    for message in pa.ipc.MessageReader.open_stream(body):
        inner = b"" if message.body is None else message.body
        found.append(declared(memoryview(message.metadata), memoryview(inner)))
    return found


def columns(data: st.DataObject) -> dict[str, pa.Array]:
    rows = data.draw(st.integers(0, 300))
    types = data.draw(st.lists(TYPES, max_size=5))
    value: dict[str, Any] = {"null": None, "bool": True, "double": 0.5, "list<item: int16>": [1, 2], "int8": 1}
    return {f"c{n}": pa.array([value.get(str(type_), "text")] * rows, type_) for n, type_ in enumerate(types)}


@given(st.data(), st.sampled_from([None, "lz4", "zstd"]))
def test_the_declared_sizes_are_those_of_the_columns(data: st.DataObject, compression: str | None) -> None:
    batch = pa.record_batch(columns(data))
    schema, found = messages(ipc(batch, compression))
    assert (schema.kind, found.kind, found.rows) == (SCHEMA, BATCH, batch.num_rows)
    lists = sum(pa.types.is_list(column.type) for column in batch.columns)
    assert found.values == batch.num_rows * (batch.num_columns + 2 * lists)
    buffers = [buffer for column in batch.columns for buffer in column.buffers() if buffer is not None]
    assert found.unpacked_bytes <= sum(buffer.size for buffer in buffers) + 64 * len(buffers)
    assert found.unpacked_bytes >= batch.nbytes - 64 * len(buffers)


def test_dictionaries_are_told_and_those_that_continue_another() -> None:
    batches = [pa.record_batch({"x": pa.DictionaryArray.from_arrays([0], texts)}) for texts in (["a"], ["a", "b"])]
    whole = [message.delta for message in messages(ipc_of(batches)) if message.kind == DICTIONARY]
    continued = [m.delta for m in messages(ipc_of(batches, emit_dictionary_deltas=True)) if m.kind == DICTIONARY]
    assert (whole, continued) == ([False, False], [False, True])


@given(st.binary(max_size=200))
def test_metadata_that_points_anywhere_is_an_error_of_its_own(metadata: bytes) -> None:
    with contextlib.suppress(ValueError):
        declared(memoryview(metadata), memoryview(b""))


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_so_is_that_of_a_batch_that_was_damaged(place: int, instead: bytes) -> None:
    message = list(pa.ipc.MessageReader.open_stream(ipc(pa.table({"a": [1, 2], "b": ["x", "y"]}), "zstd")))[1]
    metadata = bytearray(message.metadata)
    place %= len(metadata)
    metadata[place : place + len(instead)] = instead
    with contextlib.suppress(ValueError):
        declared(memoryview(metadata), memoryview(message.body))


@pytest.mark.parametrize("size", [-2, -(2**63)])
def test_a_negative_size_of_a_compressed_buffer_is_told(size: int) -> None:
    message = list(pa.ipc.MessageReader.open_stream(ipc(pa.table({"a": range(1_000)}), "zstd")))[1]
    body = bytearray(message.body)
    assert body[:8] == (8_000).to_bytes(8, "little")
    body[:8] = size.to_bytes(8, "little", signed=True)
    with pytest.raises(ValueError, match="negative size"):
        declared(memoryview(message.metadata), memoryview(body))
