"""The result of a query, as bytes: JSON, CSV, an Arrow stream or Parquet."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from anabranch.instant import EPOCH, iso
from serving.http.responses import to_json
from serving.sql.errors import SqlFailedError, SqlTooLargeError

_BATCH_ROWS = 2_048
_FORMLESS = re.compile(r"\b(BIT|BIGNUM|VARIANT|GEOMETRY|TIMESTAMP_NS|TIME_NS)\b")
"""Types that have no form in JSON or CSV."""


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a result that are told.

    Attributes
    ----------
    types
        The SQL type of each column.
    table
        The rows.
    truncated
        Whether there were more.
    """

    types: Sequence[str]
    table: pa.Table
    truncated: bool


def read(relation: duckdb.DuckDBPyRelation, rows: int, result_bytes: int) -> Result:
    """Read a result, up to a number of rows and a size.

    Raises
    ------
    SqlTooLargeError
        If not even the first rows are as small as that.
    """
    batches: list[pa.RecordBatch] = []
    count = size = 0
    truncated = False
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    for batch in reader:
        kept = min(batch.num_rows, rows - count, _fitting(batch, result_bytes - size))
        if batch.num_rows and not kept and not count:
            raise SqlTooLargeError(f"A row of the result is larger than {result_bytes:,} bytes")
        truncated = kept < batch.num_rows
        batches.append(batch.slice(0, kept))
        count += kept
        size += batch.nbytes
        if truncated:
            break
    return Result([str(type_) for type_ in relation.types], pa.Table.from_batches(batches, reader.schema), truncated)


def _fitting(batch: pa.RecordBatch, most_bytes: int) -> int:
    """How many of its rows have at most so many bytes, if they are about equally large."""
    if batch.nbytes <= most_bytes:
        return int(batch.num_rows)
    return max(0, int(batch.num_rows * most_bytes // batch.nbytes))


# as bytes


def as_json(result: Result, facts: dict[str, Any]) -> bytes:
    """``columns``, ``rows``, ``row_count``, ``truncated``, and what else is to be told."""
    names = result.table.column_names
    columns = [{"name": name, "type": type_} for name, type_ in zip(names, result.types, strict=True)]
    rows = list(map(list, zip(*values(result), strict=True))) if names else []
    told = {"columns": columns, "rows": rows, "row_count": len(rows), "truncated": result.truncated, **facts}
    return to_json(told)


def as_csv(result: Result, facts: dict[str, Any]) -> bytes:
    """RFC 4180, with a head. What is missing is empty; lists and structs are JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(result.table.column_names)
    for row in zip(*values(result), strict=True):
        writer.writerow(orjson.dumps(v).decode() if isinstance(v, (dict, list, bool)) else v for v in row)
    return text.getvalue().encode()


def as_arrow(result: Result, facts: dict[str, Any]) -> bytes:
    """An Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, result.table.schema) as writer:
        writer.write_table(result.table)
    return sink.getvalue()


def as_parquet(result: Result, facts: dict[str, Any]) -> bytes:
    """A Parquet file. Columns of equal names are numbered: the file could not be read otherwise."""
    sink = io.BytesIO()
    seen: Counter[str] = Counter()
    names = []
    for name in result.table.column_names:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    try:
        pq.write_table(result.table.rename_columns(names), sink, compression="zstd")
    except pa.ArrowException as error:
        raise SqlFailedError(f"A column has no form in Parquet; cast it to VARCHAR: {error}") from None
    return sink.getvalue()


FORMATS: dict[str, Callable[[Result, dict[str, Any]], bytes]] = {
    "json": as_json,
    "csv": as_csv,
    "arrow": as_arrow,
    "parquet": as_parquet,
}


# values


def values(result: Result) -> list[list[Any]]:
    """The columns as JSON values."""
    found = []
    for index, type_ in enumerate(result.types):
        column = result.table.column(index)
        name = result.table.column_names[index]
        if _FORMLESS.search(type_):
            raise SqlFailedError(f"Column {name!r} is {type_}, which has no form here; write {name}::VARCHAR")
        try:
            found.append(_plain_column(column))
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise SqlFailedError(f"A value of {name!r} has no form here; write {name}::VARCHAR ({error})") from None
    return found


def _plain_column(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        instants = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64()).to_pylist()
        cut = slice(None) if column.type.tz is not None else slice(0, -1)  # without a zone it has no Z
        return [None if us is None else iso(us)[cut] for us in instants]
    values: list[Any] = column.to_pylist(maps_as_pydicts="lossy")
    if pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        return values
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0.0 else None  # JSON has neither NaN nor infinity
        case Decimal():
            return int(value) if value.as_tuple().exponent == 0 else float(value)
        case datetime.datetime():
            if value.tzinfo is None:
                return value.isoformat()
            return iso((value - EPOCH) // datetime.timedelta(microseconds=1))
        case datetime.date() | datetime.time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case pa.MonthDayNano():
            return f"P{value.months}M{value.days}DT{value.nanoseconds / 1e9:g}S"
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return str(value)
