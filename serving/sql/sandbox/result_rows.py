"""The result of a query, as bytes: JSON, CSV, an Arrow stream or Parquet."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from serving.http.responses import to_json
from serving.sql.errors import SqlFailedError, SqlTooLargeError
from serving.sql.sandbox.json_values import json_values
from serving.sql.sandbox.result_times import check_times

_BATCH_ROWS = 2_048
_INEXACT = re.compile(r"\b(UHUGEINT|TIME WITH TIME ZONE)\b")
"""Types that DuckDB hands over as something else: half of the numbers are too large, the zone is left out."""
_FORMLESS = re.compile(r"\b(BIT|BIGNUM|VARIANT|GEOMETRY|TIMESTAMP_NS|TIME_NS)\b")
"""Types that have no form in JSON or CSV."""
_INTERVAL_HOURS = 2_562_046
"""An interval has 64 bits of microseconds; Arrow has as many of nanoseconds, and DuckDB lets them overflow."""


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
    SqlFailedError
        If it has a column that would come out as something else.
    """
    types = [str(type_) for type_ in relation.types]
    _refuse(relation.columns, types, _INEXACT)
    batches: list[pa.RecordBatch] = []
    count = size = 0
    truncated = False
    reader = _with_exact_intervals(relation, types).to_arrow_reader(_BATCH_ROWS)
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
    table = pa.Table.from_batches(batches, reader.schema).rename_columns(relation.columns)
    return Result(types, table, truncated)


def _refuse(names: Sequence[str], types: Sequence[str], kinds: re.Pattern[str]) -> None:
    for name, type_ in zip(names, types, strict=True):
        if kinds.search(type_):
            raise SqlFailedError(f"Column {name!r} is {type_}, which has no form here; write {name}::VARCHAR")


def _with_exact_intervals(relation: duckdb.DuckDBPyRelation, types: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """A result that fails where an interval is too long for Arrow, which would make another one of it."""
    if "INTERVAL" not in types:
        return relation
    problem = "an interval of more than 292 years of hours has no form here; cast it to VARCHAR"
    exact = f"CASE WHEN abs(hour(#{{0}})) > {_INTERVAL_HOURS} THEN error('{problem}') ELSE #{{0}} END AS interval{{0}}"
    columns = [exact.format(at) if type_ == "INTERVAL" else f"#{at}" for at, type_ in enumerate(types, start=1)]
    return relation.project(", ".join(columns))


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
    check_times(result.table)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, result.table.schema) as writer:
        writer.write_table(result.table)
    return sink.getvalue()


def as_parquet(result: Result, facts: dict[str, Any]) -> bytes:
    """A Parquet file. Columns of equal names are numbered: the file could not be read otherwise."""
    check_times(result.table)
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


def values(result: Result) -> list[list[Any]]:
    """The columns as JSON values."""
    names = result.table.column_names
    _refuse(names, result.types, _FORMLESS)
    found = []
    for name, column in zip(names, result.table.columns, strict=True):
        try:
            found.append([value for chunk in column.chunks for value in json_values(chunk)])
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise SqlFailedError(f"A value of {name!r} has no form here; write {name}::VARCHAR ({error})") from None
    return found
