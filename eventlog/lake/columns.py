"""The columns of the lake: records of a stream as a typed Arrow table.

Every table has the place of each record, when it happened and was appended, its id and key, and the event as stored;
then one typed column a field. A field that is no plain value, or a list of such, is a column of JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

import orjson
import pyarrow as pa

from anabranch.events import Events
from anabranch.field import Field, Kind
from anabranch.instant import instant_us
from anabranch.stored_events import input_name
from anabranch.stream import Stream
from eventlog.log.segment import Segment

pa.array([])  # with its first list Arrow loads pandas, if that is there: half a second, better now than amid the work
INSTANT = pa.timestamp("us", "UTC")
_TYPES: dict[Kind, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "instant": INSTANT,
    "other": pa.string(),
}
PLACE = [  # first, because Delta keeps bounds of the first columns only, and files are found by `_offset`
    ("_partition", pa.int64()),
    ("_offset", pa.int64()),
    ("_time", INSTANT),
    ("_appended", INSTANT),
    ("_id", pa.string()),
    ("_key", pa.string()),
    ("_data", pa.string()),
]


def schema_of(stream: Stream | None) -> pa.Schema:
    """The Arrow schema of a stream's table; None: a stream without a definition, like the system's own."""
    fields = stream.fields.values() if stream is not None else ()
    return pa.schema([*PLACE, *((field.name, _type(field)) for field in fields)])


def record_batch(segment: Segment, stream: Stream | None, schema: pa.Schema) -> pa.RecordBatch:
    """The records of a segment as rows."""
    count = segment.count
    ids, keys = orjson.loads(segment.heads)
    place: list[Any] = [
        pa.array(repeat(segment.partition, count), pa.int64(), size=count),
        pa.array(range(segment.offset, segment.end), pa.int64()),
        pa.array(segment.times, pa.int64()).cast(INSTANT),
        pa.array(repeat(segment.appended, count), pa.int64(), size=count).cast(INSTANT),
        pa.array(ids, pa.string()),
        pa.array(keys, pa.string()),
        pa.array(segment.events(), pa.binary()).cast(pa.string()),
    ]
    return pa.record_batch([*place, *_values(segment, stream)], schema=schema)


def typed_columns(stream: Stream | None, times: list[int], events: list[bytes]) -> list[pa.Array]:
    """The typed columns alone, of events of a stream as stored and their times, in microseconds."""
    if stream is None or not events:
        return []
    nothing: list[str | None] = [None] * len(events)
    return [*_values(Segment.of(0, 0, stream.name, 0, times, nothing, nothing, events), stream)]


def _values(segment: Segment, stream: Stream | None) -> Iterator[pa.Array]:
    """The typed columns."""
    if stream is None:
        return
    events = Events(stream, segment.partition, segment.offset, segment.times, segment.data)
    stored: list[dict[str, Any]] = events.values if stream.plain else orjson.loads(segment.data)
    for field in stream.fields.values():
        if field.kind == "other":
            name = input_name(field.name, stream.model.model_fields[field.name])
            values = [event.get(name, stream.lacking.get(field.name)) for event in stored]
            yield _texts(values) if field.items in (None, "other") else _lists(field, values)
        elif field.kind == "instant":
            yield _instants(events, field)
        else:
            yield _scalars(events, field)


def _texts(values: list[Any]) -> pa.Array:
    """A column of JSON text; a null is NULL, as in every other column."""
    return pa.array([None if value is None else orjson.dumps(value).decode() for value in values], pa.string())


def _scalars(events: Events, field: Field) -> pa.Array:
    column = events.column(field.name)
    try:
        return pa.array(column, _type(field))
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # one that a process with another model stored: see `StoredEvents`
        return pa.array([field.plain_value(value) for value in column], _type(field))


def _instants(events: Events, field: Field) -> pa.Array:
    if events.stream.plain:
        try:  # Arrow reads the usual forms of ISO 8601 ten times faster
            lacking = events.stream.lacking.get(field.name)
            texts = pa.array([event.get(field.name, lacking) for event in events.values], pa.string())
            return texts.cast(INSTANT)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
    return pa.array(events.column(field.name), pa.int64()).cast(INSTANT)


def _lists(field: Field, values: list[Any]) -> pa.Array:
    """A column of lists of plain items."""
    convert = _ITEMS[field.items or "other"]
    lists = (
        [None if item is None else convert(item) for item in value] if isinstance(value, list) else None
        for value in values
    )
    return pa.array(lists, _type(field), size=len(values))


_ITEMS: dict[Kind, Callable[[Any], Any]] = {
    "integer": int,
    "number": float,
    "boolean": bool,
    "text": lambda item: item if isinstance(item, str) else orjson.dumps(item).decode(),
    "instant": instant_us,
    "other": orjson.dumps,
}
"""From an item as JSON has it to what its column takes."""


def _type(field: Field) -> pa.DataType:
    if field.kind == "other" and field.items not in (None, "other"):
        return pa.list_(_TYPES[field.items])
    return _TYPES[field.kind]


def segments_of(table: pa.Table, stream: str) -> list[Segment]:
    """Rows of a lake table, ordered by offset, as segments: records that follow each other stay together."""
    partitions = table["_partition"].to_pylist()
    offsets = table["_offset"].to_pylist()
    appended = table["_appended"].cast(pa.int64()).to_pylist()
    times = table["_time"].cast(pa.int64()).to_pylist()
    ids, keys = table["_id"].to_pylist(), table["_key"].to_pylist()
    events = [text.encode() for text in table["_data"].to_pylist()]
    return [
        Segment.of(partitions[i], offsets[i], stream, appended[i], times[i:j], ids[i:j], keys[i:j], events[i:j])
        for i, j in _runs(offsets, appended)
    ]


def _runs(offsets: Sequence[int], appended: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of rows that were appended together and have no gap."""
    start = 0
    for index in range(1, len(offsets) + 1):
        ends = index == len(offsets)
        if ends or offsets[index] != offsets[index - 1] + 1 or appended[index] != appended[start]:
            if index > start:
                yield start, index
            start = index
