"""Columns of Arrow tables: which are taken, and in which form their values become JSON.

What is taken has a bounded number of values for its size: runs, views of lists and dictionaries within lists, of which
a few bytes stand for millions of values, are not.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eventlog.errors import MalformedBodyError
from eventlog.intake.parsed_events import Reason, reason

_MAX_DEPTH = 32
_SCALARS = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_date, pa.types.is_time, pa.types.is_timestamp, pa.types.is_duration),
)
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def check_schema(schema: pa.Schema) -> None:
    """Raise `MalformedBodyError` unless every column is of a type that an event may have.

    Raises also `UnicodeDecodeError` if a name is not UTF-8.
    """
    names = schema.names
    if not names:
        raise MalformedBodyError("the Arrow stream has no columns")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})[0]
        raise MalformedBodyError(f"there are two columns {twice!r}")
    for field in schema:
        type_ = field.type
        inner = type_.value_type if pa.types.is_dictionary(type_) else type_
        if inner is not type_ and not any(of(inner) for of in _SCALARS[1:]):  # no null, nothing nested
            raise _not_taken(field)
        if not _is_taken(inner, 1):
            raise _not_taken(field)
        if pa.types.is_timestamp(inner) and inner.tz is None:
            raise MalformedBodyError(f"column {field.name!r} has no time zone; send timestamps with one, like UTC")


def _is_taken(type_: pa.DataType, depth: int) -> bool:
    if any(of(type_) for of in _SCALARS) or isinstance(type_, pa.UuidType):
        return True
    if depth >= _MAX_DEPTH:
        return False
    if any(of(type_) for of in _LISTS):
        return _is_taken(type_.value_type, depth + 1)
    if pa.types.is_struct(type_):
        names = [field.name for field in type_]
        return len(set(names)) == len(names) and all(_is_taken(field.type, depth + 1) for field in type_)
    return False


def _not_taken(field: pa.Field) -> MalformedBodyError:
    return MalformedBodyError(
        f"column {field.name!r} is of type {str(field.type)!r:.100}, which no event has; send numbers, texts, booleans,"
        " dates, times, or lists and structs of these"
    )


def plain(batch: pa.RecordBatch, most_bytes: int) -> pa.RecordBatch | None:
    """A batch with all dictionaries looked up, and every timestamp in microseconds, UTC.

    None: what is looked up would take more than `most_bytes`. The batch must have been validated.
    """
    columns = []
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            most_bytes -= _looked_up_bytes(column)
            if most_bytes < 0:
                return None
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            # of nanoseconds some digits are dropped; what would not fit must not wrap around
            column = column.cast(pa.timestamp("us", column.type.tz), safe=column.type.unit != "ns")
            column = column.cast(pa.timestamp("us", "UTC"))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _looked_up_bytes(column: pa.DictionaryArray) -> int:
    """What a column takes without its dictionary: one long text may stand in every row."""
    if not _is_text(column.dictionary.type):
        return len(column) * 32
    lengths = _lengths(column.dictionary)
    return len(column) * 8 + (pc.sum(lengths.take(column.indices)).as_py() or 0)


def least_json_bytes(batch: pa.RecordBatch) -> int:
    """A number of bytes that its rows surely take as JSON: texts, names, two for a value (a digit and a comma)."""
    return _named(batch.schema, batch.columns)


def _named(fields: Iterable[pa.Field], columns: Iterable[pa.Array]) -> int:
    """What columns take with their names, which stand at every value (a null may be left out)."""
    least = 0
    for field, column in zip(fields, columns, strict=True):
        least += _least(column) + (len(column) - column.null_count) * len(field.name)
    return least


def _least(array: pa.Array) -> int:
    type_ = array.type
    if _is_text(type_):
        return 2 * len(array) + (pc.sum(_lengths(array)).as_py() or 0)
    if any(of(type_) for of in _LISTS):
        return 2 * len(array) + _least(array.flatten())
    if pa.types.is_struct(type_):
        return 2 * len(array) + _named(type_, array.flatten())
    return 2 * len(array)


def _is_text(type_: pa.DataType) -> bool:
    return any(of(type_) for of in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _lengths(texts: pa.Array) -> pa.Array:
    """How many bytes each text has."""
    if not pa.types.is_string_view(texts.type):
        return pc.cast(pc.binary_length(texts), pa.int64())
    # a view has sixteen bytes, the first four of which are its length; no function of pyarrow tells it
    lengths = np.frombuffer(texts.buffers()[1] or b"", np.int32, 4 * len(texts), 16 * texts.offset)[::4]
    return pc.if_else(texts.is_valid(), pa.array(lengths, pa.int64()), 0)


def not_finite(batch: pa.RecordBatch) -> dict[int, list[Reason]]:
    """By row, the columns that hold NaN or infinity, which JSON cannot say."""
    refused: dict[int, list[Reason]] = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if not pa.types.is_floating(field.type):
            continue
        wrong = pc.fill_null(pc.invert(pc.is_finite(column)), False)
        for index in pc.indices_nonzero(wrong).to_pylist():
            found = reason(field.name, "must be a finite number", "finite_number", column[index].as_py())
            refused.setdefault(index, []).append(found)
    return refused
