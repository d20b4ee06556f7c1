"""What Arrow holds, as JSON values: numbers, texts, lists and objects. What has no form fails, and becomes no other.

Times are ISO 8601, and ``infinity`` or ``-infinity`` where DuckDB has no end; NaN and infinite numbers are null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pyarrow as pa

from serving.sql.sandbox.result_times import date_text, interval_text, time_text, timestamp_text


def json_values(array: pa.Array) -> list[Any]:
    """The values of an array.

    >>> json_values(pa.array([[1.5, float("nan")], None, []]))
    [[1.5, None], None, []]

    Raises
    ------
    ValueError, OverflowError
        If one has no form.
    """
    kind = array.type
    for fits, convert in _CONVERSIONS:
        if fits(kind):
            return convert(array)
    return [None if value is None else str(value) for value in array.to_pylist()]


def _as_they_are(array: pa.Array) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return values


def _floats(array: pa.Array) -> list[Any]:
    return [value if value is None or math.isfinite(value) else None for value in array.to_pylist()]


def _decimals(array: pa.Array) -> list[Any]:
    convert: Callable[[Any], Any] = int if array.type.scale == 0 else float
    return _each(convert, array.to_pylist())


def _bytes(array: pa.Array) -> list[Any]:
    return _each(bytes.hex, array.to_pylist())


def _timestamps(array: pa.Array) -> list[Any]:
    unit, is_aware = array.type.unit, array.type.tz is not None
    return _each(lambda value: timestamp_text(value, unit, is_aware), array.cast(pa.int64()).to_pylist())


def _dates(array: pa.Array) -> list[Any]:
    return _each(date_text, array.cast(pa.int32()).to_pylist())


def _times(array: pa.Array) -> list[Any]:
    return _each(time_text, array.cast(pa.int64()).to_pylist())


def _intervals(array: pa.Array) -> list[Any]:
    return _each(lambda value: interval_text(*value), array.to_pylist())


def _each(convert: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    return [None if value is None else convert(value) for value in values]


# what holds others


def _encoded(array: pa.Array) -> list[Any]:
    return json_values(array.dictionary_decode())


def _structs(array: pa.Array) -> list[Any]:
    names = [field.name for field in array.type]
    columns = [json_values(column) for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else ((),) * len(array)
    return [
        dict(zip(names, row, strict=True)) if is_there else None
        for row, is_there in zip(rows, array.is_valid().to_pylist(), strict=True)
    ]


def _lists(array: pa.Array) -> list[Any]:
    items = json_values(array.values)
    return [items[slice(*bounds)] if bounds is not None else None for bounds in _bounds(array)]


def _fixed_lists(array: pa.Array) -> list[Any]:
    items, size = iter(json_values(array.flatten())), array.type.list_size  # those of lists that are null are left out
    return [[next(items) for _ in range(size)] if is_there else None for is_there in array.is_valid().to_pylist()]


def _maps(array: pa.Array) -> list[Any]:
    keys, items = list(map(str, json_values(array.keys))), json_values(array.items)
    return [
        dict(zip(keys[slice(*bounds)], items[slice(*bounds)], strict=True)) if bounds is not None else None
        for bounds in _bounds(array)
    ]


def _bounds(array: pa.Array) -> list[tuple[int, int] | None]:
    """Where each list begins and ends among the values of all, which a slice of lists still has."""
    valid = array.is_valid().to_pylist()
    return [b if is_there else None for b, is_there in zip(pairwise(array.offsets.to_pylist()), valid, strict=True)]


def _unions(array: pa.Array) -> list[Any]:
    columns = [json_values(array.field(at)) for at in range(array.type.num_fields)]
    at_by_code = {code: at for at, code in enumerate(array.type.type_codes)}
    codes = [scalar.type_code for scalar in array]  # `type_codes` of a slice are those of the start of the whole
    return [columns[at_by_code[code]][row] for row, code in enumerate(codes)]


def _is_sparse_union(kind: pa.DataType) -> bool:
    return bool(pa.types.is_union(kind) and kind.mode == "sparse")


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[Any]]], ...] = (
    (pa.types.is_string, _as_they_are),
    (pa.types.is_integer, _as_they_are),
    (pa.types.is_boolean, _as_they_are),
    (pa.types.is_null, _as_they_are),
    (pa.types.is_floating, _floats),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date32, _dates),
    (pa.types.is_time64, _times),
    (pa.types.is_interval, _intervals),
    (pa.types.is_binary, _bytes),
    (pa.types.is_dictionary, _encoded),
    (pa.types.is_struct, _structs),
    (pa.types.is_list, _lists),
    (pa.types.is_fixed_size_list, _fixed_lists),
    (pa.types.is_map, _maps),
    (_is_sparse_union, _unions),
)
"""The types that DuckDB makes, the frequent ones first."""
