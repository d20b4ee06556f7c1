"""Results as bytes: cut where they are too much, and every value has one form or an error that names its column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.sql.errors import SqlFailedError, SqlTooLargeError
from serving.sql.sandbox.result_rows import as_arrow, as_csv, as_json, as_parquet, read


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def value(connection: duckdb.DuckDBPyConnection, expression: str) -> Any:
    result = read(connection.sql(f"SELECT {expression} AS x"), 10, 10**6)
    return orjson.loads(as_json(result, {}))["rows"][0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NULL", None),
        ("true", True),
        ("9223372036854775807", 2**63 - 1),
        ("1.50::DECIMAL(9, 2)", 1.5),
        ("3::DECIMAL(9, 0)", 3),
        ("'nan'::DOUBLE", None),
        ("'-inf'::FLOAT", None),
        ("['inf'::DOUBLE, 1.5]", [None, 1.5]),
        ("TIMESTAMPTZ '2024-02-29 12:00:00.000001+02'", "2024-02-29T10:00:00.000001Z"),
        ("TIMESTAMP '2024-02-29 12:00:00'", "2024-02-29T12:00:00"),
        ("TIMESTAMP '0044-03-15 12:00:00'", "0044-03-15T12:00:00"),
        ("DATE '1969-12-31'", "1969-12-31"),
        ("TIME '23:59:59.5'", "23:59:59.500000"),
        ("INTERVAL '14 months 3 days 1 second'", "P14M3DT1S"),
        ("'\\x00\\xff'::BLOB", "00ff"),
        ("MAP {'a': 1, 'b': 2}", {"a": 1, "b": 2}),
        ("{'a': [DATE '2024-01-01'], 'b': NULL}", {"a": ["2024-01-01"], "b": None}),
        ("'00000000-0000-0000-0000-000000000001'::UUID", "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_every_value_has_a_form_in_json(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: object
) -> None:
    found = value(connection, expression)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("expression", ["'1010'::BIT", "[TIMESTAMP_NS '2024-01-01']"])
def test_a_column_that_has_none_is_named_with_what_to_write(
    connection: duckdb.DuckDBPyConnection, expression: str
) -> None:
    with pytest.raises(SqlFailedError, match="x::VARCHAR"):
        value(connection, expression)


@pytest.mark.parametrize("rows", [1, 2_048, 2_049, 6_999])
def test_a_result_is_cut_at_its_rows_and_says_so(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    result = read(connection.sql("FROM range(7000)"), rows, 10**9)
    assert (result.table.column(0).to_pylist(), result.truncated) == (list(range(rows)), True)


@pytest.mark.parametrize("rows", [7_000, 7_001])
def test_a_result_that_fits_is_whole(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    result = read(connection.sql("FROM range(7000)"), rows, 10**9)
    assert (result.table.num_rows, result.truncated) == (7_000, False)


def test_a_result_is_cut_at_its_bytes_and_a_row_that_is_larger_is_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    result = read(connection.sql("SELECT repeat('x', 100) FROM range(9000)"), 10**6, 300_000)
    assert result.truncated
    assert 2_000 < result.table.num_rows < 3_000
    with pytest.raises(SqlTooLargeError, match="larger than 1,000 bytes"):
        read(connection.sql("SELECT repeat('x', 5000)"), 10, 1_000)


def test_an_empty_result_has_its_columns_in_every_form(connection: duckdb.DuckDBPyConnection) -> None:
    result = read(connection.sql("SELECT 1 AS a, 'x' AS b WHERE false"), 10, 100)
    told = orjson.loads(as_json(result, {"cut": "0:1"}))
    assert [column["name"] for column in told["columns"]] == ["a", "b"]
    assert (told["rows"], told["row_count"], told["truncated"], told["cut"]) == ([], 0, False, "0:1")
    assert as_csv(result, {}) == b"a,b\r\n"
    with pa.ipc.open_stream(as_arrow(result, {})) as stream:
        assert stream.read_all().column_names == ["a", "b"]
    assert pq.read_table(io.BytesIO(as_parquet(result, {}))).num_rows == 0


def test_csv_keeps_quotes_and_breaks_and_tells_a_missing_value_by_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    sql = "SELECT 'a\"b,c' || chr(10) || 'd' AS t, NULL AS n, true AS y, [1, 2] AS l"
    text = as_csv(read(connection.sql(sql), 10, 10**6), {}).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["t", "n", "y", "l"],
        ['a"b,c\nd', "", "true", "[1,2]"],
    ]


def test_columns_of_one_name_are_numbered_in_parquet_alone(connection: duckdb.DuckDBPyConnection) -> None:
    result = read(connection.sql("SELECT 1 AS a").join(connection.sql("SELECT 2 AS b"), "true"), 10, 10**6)
    renamed = type(result)(result.types, result.table.rename_columns(["a", "a"]), False)
    assert pq.read_table(io.BytesIO(as_parquet(renamed, {}))).column_names == ["a", "a_2"]
    assert [column["name"] for column in orjson.loads(as_json(renamed, {}))["columns"]] == ["a", "a"]
