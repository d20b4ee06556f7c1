"""Bodies as an attacker would make them: small, and far larger once somebody unpacks them, or not what they say."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

MEGABYTE = 2**20
JSON, NDJSON = "application/json", "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
CLOUDEVENTS = "application/cloudevents-batch+json"


def ipc(table: pa.Table | pa.RecordBatch, compression: str | None = None) -> bytes:
    """A table as an Arrow IPC stream."""
    return ipc_of([table] if isinstance(table, pa.RecordBatch) else table.to_batches(), compression)


def ipc_of(batches: list[pa.RecordBatch], compression: str | None = None, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    written = pa.ipc.IpcWriteOptions(compression=compression, **options)
    with pa.ipc.new_stream(sink, batches[0].schema, options=written) as writer:
        for batch in batches:
            writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


# what an array of a megabyte of JSON may hold


def many_objects() -> bytes:
    return b"[%b]" % b",".join([b"{}"] * (2 * MEGABYTE))


def many_numbers() -> bytes:
    return b"[%b]" % b",".join([b"1"] * (3 * MEGABYTE))


def lists_in_events() -> bytes:
    """Valid events, whose objects take twenty times their text."""
    event = b'{"n":1,"more":[%b]}' % b",".join([b"[]"] * 20_000)
    return b"[%b]" % b",".join([event] * 100)


def lists_in_lines() -> bytes:
    return lists_in_events()[1:-1].replace(b"},{", b"}\n{")


def one_large_event() -> bytes:
    return b'{"n":1,"more":[%b]}' % b",".join([b"[]"] * (2 * MEGABYTE))


def one_large_event_among_others() -> bytes:
    return b'[{"n":1},%b,{"n":2}]' % one_large_event()


def many_lines() -> bytes:
    return b"12\n" * (2 * MEGABYTE)


def blank_lines() -> bytes:
    return b'{"n":1}' + b"\n" * (7 * MEGABYTE)


def wrong_events() -> bytes:
    """Every event has as many reasons as can be told."""
    return b"[%b]" % b",".join([b'{"numbers":["","","","","","","","","","","","","","","","","","","",""]}'] * 24_000)


def one_event_of_many_problems() -> bytes:
    return b'{"n":1,"numbers":[%b]}' % b",".join([b'""'] * 80_000)


def large_integers() -> bytes:
    return b'{"n":1,"numbers":[%b]}' % b",".join([b"9223372036854775808"] * 12_000)


def deep() -> bytes:
    return b"[" * 700 + b"]" * 700


def many_envelopes() -> bytes:
    return b"[%b]" % b",".join([b"[]"] * (2 * MEGABYTE))


# gzip


def empty_members() -> bytes:
    return gzip.compress(b"") * (6 * MEGABYTE // 20)


def zeros() -> bytes:
    """A thousand times as large as it looks."""
    return gzip.compress(bytes(64 * MEGABYTE))


# Arrow: more than it looks


def compressed_zeros() -> bytes:
    return ipc(pa.table({f"x{number}": np.zeros(20_000, np.int64) for number in range(100)}), "zstd")


def one_text_in_every_row() -> bytes:
    return ipc(pa.table({"n": range(5_000), "x": pa.DictionaryArray.from_arrays([0] * 5_000, ["x" * MEGABYTE])}))


def runs() -> bytes:
    column = pa.RunEndEncodedArray.from_arrays([5_000], ["x" * MEGABYTE])
    return ipc(pa.table({"n": range(5_000), "x": column}))


def views_of_one_text() -> bytes:
    text = b"x" * 200_000
    views = struct.pack("<i4sii", len(text), text[:4], 0, 0) * 5_000
    column = pa.Array.from_buffers(pa.string_view(), 5_000, [None, pa.py_buffer(views), pa.py_buffer(text)])
    return ipc(pa.table({"n": range(5_000), "x": column}))


def views_of_one_list() -> bytes:
    offsets, sizes = pa.array([0] * 5_000, pa.int32()), pa.array([100_000] * 5_000, pa.int32())
    column = pa.ListViewArray.from_arrays(offsets, sizes, pa.array([1] * 100_000, pa.int8()))
    return ipc(pa.table({"n": range(5_000), "x": column}))


def lists_of_nulls() -> bytes:
    column = pa.ListArray.from_arrays([0, 50 * MEGABYTE], pa.nulls(50 * MEGABYTE))
    return ipc(pa.table({"n": [1], "x": column}))


def fixed_lists_of_nulls() -> bytes:
    column = pa.FixedSizeListArray.from_arrays(pa.nulls(50 * MEGABYTE), 50 * MEGABYTE)
    return ipc(pa.table({"n": [1], "x": column}))


def lists_of_bits() -> bytes:
    bits = pa.Array.from_buffers(pa.bool_(), 48 * MEGABYTE, [None, pa.py_buffer(bytes(6 * MEGABYTE))])
    return ipc(pa.table({"n": [1], "x": pa.ListArray.from_arrays([0, len(bits)], bits)}))


def long_names() -> bytes:
    """A name is written in every row."""
    return ipc(pa.table({"n": range(9_000), "x" * 100_000: [1] * 9_000}))


def long_inner_names() -> bytes:
    column = pa.StructArray.from_arrays([pa.array([1] * 9_000)], ["x" * 100_000])
    return ipc(pa.table({"n": range(9_000), "x": column}))


def many_nulls() -> bytes:
    return ipc(pa.record_batch({"x": pa.nulls(2**31 - 1)}))


def many_columns() -> bytes:
    return ipc(pa.table({f"x{number}": [1] for number in range(60_000)}))


def one_dictionary_for_many_batches() -> bytes:
    """It is validated with every batch."""
    dictionary = pa.array(["x" * 3 * MEGABYTE])
    batch = pa.record_batch({"x": pa.DictionaryArray.from_arrays([0], dictionary)})
    return ipc_of([batch] * 2_000)


def growing_dictionary() -> bytes:
    """Each batch has a dictionary one text longer, of which only the end is sent."""
    texts = [str(number) for number in range(300)]
    batches = [
        pa.record_batch({"x": pa.DictionaryArray.from_arrays([0], texts[:size])}) for size in range(1, len(texts))
    ]
    return ipc_of(batches, emit_dictionary_deltas=True)


# Arrow: not what it says


def patched(body: bytes, found: bytes, instead: bytes) -> bytes:
    """A body with some bytes replaced by as many others, where they stand last: in a buffer, not in the metadata."""
    assert len(found) == len(instead)
    place = body.rindex(found)
    return body[:place] + instead + body[place + len(found) :]


def offset_behind_the_text() -> bytes:
    """What lies behind it is the memory of this process, which would come back as a dead letter."""
    return _first_text_ends_at(1_000)


def offset_far_behind_the_text() -> bytes:
    """Reading there ends the process."""
    return _first_text_ends_at(2**31 - 1)


def _first_text_ends_at(end: int) -> bytes:
    """An inner offset: the last one, which says how long all texts are together, is right."""
    body = ipc(pa.table({"n": [1, 2], "x": ["a" * 40, "a" * 37]}))
    return patched(body, struct.pack("<iii", 0, 40, 77), struct.pack("<iii", 0, end, 77))


def offset_before_the_list() -> bytes:
    body = ipc(pa.table({"n": [1, 2, 3], "x": [[7] * 40, [7] * 37, []]}))
    return patched(body, struct.pack("<iii", 0, 40, 77), struct.pack("<iii", 0, -1_000, 77))


def index_behind_the_dictionary() -> bytes:
    indices = pa.array([12_345, 0], pa.int32())
    body = ipc(pa.table({"n": [1, 2], "x": pa.DictionaryArray.from_arrays(indices, ["a"] * 12_346)}))
    return patched(body, struct.pack("<i", 12_345), struct.pack("<i", 1_000_000))


def text_that_is_not_utf8() -> bytes:
    return patched(ipc(pa.table({"n": [1], "x": ["abcdefgh"]})), b"abcdefgh", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe")


def name_that_is_not_utf8() -> bytes:
    return patched(ipc(pa.table({"n": [1], "abcdefgh": ["x"]})), b"abcdefgh", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe")


def view_behind_the_text() -> bytes:
    text = b"x" * 77
    views = struct.pack("<i4sii", 77, text[:4], 0, 0)
    column = pa.Array.from_buffers(pa.string_view(), 1, [None, pa.py_buffer(views), pa.py_buffer(text)])
    body = ipc(pa.table({"n": [1], "x": column}))
    return patched(body, views, struct.pack("<i4sii", 77, text[:4], 0, 2**31 - 100))


def date_in_the_year_ten_thousand() -> bytes:
    return ipc(pa.table({"n": [1], "x": pa.array([2**31 - 1], pa.date32())}))


def unknown_time_zone() -> bytes:
    moment = pa.array([0], pa.timestamp("us", "Nowhere/Nothing"))
    return ipc(pa.table({"n": [1], "x": pa.StructArray.from_arrays([moment], ["at"])}))


def seconds_that_do_not_fit() -> bytes:
    return ipc(pa.table({"n": [1], "x": pa.array([2**62], pa.timestamp("s", "UTC"))}))


def binary_column() -> bytes:
    return ipc(pa.table({"n": [1], "x": [b"\xff"]}))


REFUSED: dict[Callable[[], bytes], tuple[str, str]] = {
    many_objects: (JSON, "TooManyEventsError"),
    many_numbers: (JSON, "TooManyEventsError"),
    many_lines: (NDJSON, "TooManyEventsError"),
    many_envelopes: (CLOUDEVENTS, "TooManyEventsError"),
    deep: (JSON, "MalformedBodyError"),
    empty_members: ("gzip", "MalformedBodyError"),
    zeros: ("gzip", "BodyTooLargeError"),
    compressed_zeros: (ARROW, "TooMuchUnpackedError"),
    one_text_in_every_row: (ARROW, "TooMuchUnpackedError"),
    views_of_one_text: (ARROW, "TooMuchUnpackedError"),
    runs: (ARROW, "MalformedBodyError"),
    views_of_one_list: (ARROW, "MalformedBodyError"),
    lists_of_nulls: (ARROW, "TooMuchUnpackedError"),
    fixed_lists_of_nulls: (ARROW, "TooMuchUnpackedError"),
    lists_of_bits: (ARROW, "TooMuchUnpackedError"),
    long_names: (ARROW, "TooMuchUnpackedError"),
    long_inner_names: (ARROW, "TooMuchUnpackedError"),
    many_nulls: (ARROW, "TooManyEventsError"),
    many_columns: (ARROW, "MalformedBodyError"),
    one_dictionary_for_many_batches: (ARROW, "TooMuchUnpackedError"),
    growing_dictionary: (ARROW, "MalformedBodyError"),
    offset_behind_the_text: (ARROW, "MalformedBodyError"),
    offset_far_behind_the_text: (ARROW, "MalformedBodyError"),
    offset_before_the_list: (ARROW, "MalformedBodyError"),
    index_behind_the_dictionary: (ARROW, "MalformedBodyError"),
    text_that_is_not_utf8: (ARROW, "MalformedBodyError"),
    name_that_is_not_utf8: (ARROW, "MalformedBodyError"),
    view_behind_the_text: (ARROW, "MalformedBodyError"),
    date_in_the_year_ten_thousand: (ARROW, "MalformedBodyError"),
    unknown_time_zone: (ARROW, "MalformedBodyError"),
    seconds_that_do_not_fit: (ARROW, "MalformedBodyError"),
    binary_column: (ARROW, "MalformedBodyError"),
}
"""Bodies that are refused as a whole: of which type they are (gzip: of NDJSON), and the error that says so."""

REJECTED: dict[Callable[[], bytes], tuple[str, str]] = {
    one_large_event: (JSON, "too_large"),
    one_large_event_among_others: (JSON, "too_large"),
    one_event_of_many_problems: (NDJSON, "too_many_errors"),
    large_integers: (JSON, "integer_too_large"),
    wrong_events: (JSON, "int_parsing"),
}
"""Bodies of which some events are rejected: their type, and that of the first reason."""

ACCEPTED: dict[Callable[[], bytes], str] = {lists_in_events: JSON, lists_in_lines: NDJSON, blank_lines: NDJSON}
"""Bodies that are taken as they are."""
