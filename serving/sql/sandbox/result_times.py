"""Times as DuckDB hands them over in Arrow: as texts, and which of them Arrow itself cannot tell.

DuckDB has times without end and a time of 24:00, as the greatest numbers of their types. Arrow knows of neither: who
reads them there finds the year 294247, or midnight.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from anabranch.instant import FIRST_US, LAST_US, iso
from serving.sql.errors import SqlFailedError

_ENDLESS, _ENDLESS_DATE = 2**63 - 1, 2**31 - 1
"""What stands for infinity, and negated for -infinity, in a timestamp and in a date."""
_US_BY_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY_US = 86_400_000_000
_FIRST_DAY = datetime.date(1970, 1, 1)
_MIDNIGHT = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def timestamp_text(value: int, unit: str, is_aware: bool) -> str:
    """ISO 8601; with a Z if it is aware.

    >>> timestamp_text(1_500, "ms", True), timestamp_text(2**63 - 1, "us", False)
    ('1970-01-01T00:00:01.500000Z', 'infinity')

    Raises
    ------
    ValueError
        If it is beyond the years 1 to 9999.
    """
    if abs(value) == _ENDLESS:
        return "infinity" if value > 0 else "-infinity"
    us = value * _US_BY_UNIT[unit]
    if not FIRST_US <= us <= LAST_US:
        raise ValueError("its year is not between 1 and 9999")
    return iso(us) if is_aware else iso(us)[:-1]


def date_text(days: int) -> str:
    """ISO 8601, of the days since 1970.

    >>> date_text(-1), date_text(-(2**31 - 1))
    ('1969-12-31', '-infinity')

    Raises
    ------
    OverflowError
        If it is beyond the years 1 to 9999.
    """
    if abs(days) == _ENDLESS_DATE:
        return "infinity" if days > 0 else "-infinity"
    return (_FIRST_DAY + datetime.timedelta(days)).isoformat()


def time_text(us: int) -> str:
    """ISO 8601, of the microseconds since midnight; the end of a day is 24:00:00."""
    if us == _DAY_US:
        return "24:00:00"
    return (_MIDNIGHT + datetime.timedelta(microseconds=us)).time().isoformat()


def interval_text(months: int, days: int, nanoseconds: int) -> str:
    """ISO 8601.

    >>> interval_text(14, 3, 12_345_678_901_000), interval_text(0, 0, -1_000)
    ('P14M3DT12345.678901S', 'P0M0DT-0.000001S')

    Raises
    ------
    ValueError
        If DuckDB's microseconds were too many for nanoseconds.
    """
    us, rest = divmod(abs(nanoseconds), 1_000)
    if rest:
        raise ValueError("it is longer than 292 years")
    seconds, fraction = divmod(us, 1_000_000)
    sign = "-" if nanoseconds < 0 else ""
    return f"P{months}M{days}DT{sign}{f'{seconds}.{fraction:06}'.rstrip('0').rstrip('.')}S"


def check_times(table: pa.Table) -> None:
    """Refuse a table with a time that Arrow cannot tell.

    Raises
    ------
    SqlFailedError
        If there is one; it names the column.
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        if any(_is_untold(leaf) for chunk in column.chunks for leaf in _leaves(chunk)):
            raise SqlFailedError(f"A time of {name!r} has no form in Arrow or Parquet; write {name}::VARCHAR")


def _is_untold(leaf: pa.Array) -> bool:
    """Whether one of the values is no time to Arrow."""
    kind = leaf.type
    if pa.types.is_timestamp(kind):
        return _has(leaf.cast(pa.int64()), _ENDLESS, -_ENDLESS)
    if pa.types.is_date32(kind):
        return _has(leaf.cast(pa.int32()), _ENDLESS_DATE, -_ENDLESS_DATE)
    if pa.types.is_time64(kind):
        return _has(leaf.cast(pa.int64()), _DAY_US)
    if pa.types.is_interval(kind):
        return any(value is not None and value.nanoseconds % 1_000 for value in leaf.to_pylist())
    return False


def _has(numbers: pa.Array, *wanted: int) -> bool:
    return bool(pc.any(pc.is_in(numbers, pa.array(wanted, numbers.type))).as_py())


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays within an array that hold no others."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(array.dictionary)
    elif pa.types.is_struct(kind):
        for part in array.flatten():
            yield from _leaves(part)
    elif pa.types.is_map(kind):
        yield from _leaves(array.keys)
        yield from _leaves(array.items)
    elif pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(array.flatten())
    elif pa.types.is_union(kind):
        for at in range(kind.num_fields):
            yield from _leaves(array.field(at))
    else:
        yield array
