"""Arrow IPC streams: each row is an event. Loads pyarrow, so it is imported when the first one comes."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from anabranch import Stream
from eventlog.errors import MalformedBodyError, TooManyEventsError
from eventlog.intake.parsed_events import ParsedEvents, Reason, reason


def rows(body: bytes, stream: Stream, max_events: int) -> ParsedEvents:
    """The rows of an Arrow IPC stream as events.

    A null stands for a field that is left out, where the stream has a default for it.

    Raises
    ------
    MalformedBodyError
        If it is no such stream, or a column of timestamps has no time zone.
    TooManyEventsError
        As soon as there are more rows than `max_events`.
    """
    try:
        with pa.ipc.open_stream(body) as reader:
            batches, count = [], 0
            for batch in reader:
                count += batch.num_rows
                if count > max_events:
                    raise TooManyEventsError(max_events)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, OSError) as error:
        raise MalformedBodyError(f"not an Arrow IPC stream: {error}") from None
    optional = {name for name, info in stream.model.model_fields.items() if not info.is_required()}
    refused = _not_finite(table)
    try:
        values = _plain(table).to_pylist()
        events = [
            orjson.dumps({k: v for k, v in row.items() if v is not None or k not in optional}, default=str)
            for row in values
        ]
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise MalformedBodyError(f"a value of the Arrow stream has no form in JSON: {error}") from None
    return ParsedEvents(events, refused=refused)


def _plain(table: pa.Table) -> pa.Table:
    """The table with every timestamp in microseconds, UTC."""
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_timestamp(field.type):
            if field.type.tz is None:
                raise MalformedBodyError(f"column {field.name!r} has no time zone; send timestamps with one, like UTC")
            column = column.cast(pa.timestamp("us", field.type.tz), safe=False).cast(pa.timestamp("us", "UTC"))
        columns.append(column)
    return pa.Table.from_arrays(columns, names=table.schema.names)


def _not_finite(table: pa.Table) -> dict[int, list[Reason]]:
    """By row, the columns that hold NaN or infinity, which JSON cannot say."""
    refused: dict[int, list[Reason]] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if not pa.types.is_floating(field.type):
            continue
        wrong = pc.fill_null(pc.invert(pc.is_finite(column)), False)
        for index in pc.indices_nonzero(wrong).to_pylist():
            found = reason(field.name, "must be a finite number", "finite_number", column[index].as_py())
            refused.setdefault(index, []).append(found)
    return refused
