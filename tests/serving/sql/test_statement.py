"""Which statements pass: one that reads, however it is wrapped, and nothing that hides behind one."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from serving.sql.errors import SqlFailedError, SqlRefusedError
from serving.sql.statement import check


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a INTEGER); CREATE MACRO ours(x) AS TABLE SELECT x")
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select 1;",
        "/* a */ -- b\nSELECT 1 -- ;",
        "FROM t",
        "VALUES (1), (2)",
        "DESCRIBE t",
        "SUMMARIZE t",
        "SHOW TABLES",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n",
        "SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3",
        "SELECT * FROM range(3), unnest([1]), ours(4)",
        "PIVOT t ON a IN (1, 2) USING count(*)",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN (FORMAT json) SELECT 1",
        "EXPLAIN /* (x */ (ANALYZE, FORMAT (json)) FROM t",
        "SELECT 'COPY t TO ''x''; DROP TABLE t'",
    ],
)
def test_what_reads_passes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    check(connection, sql, {"ours"})


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "empty"),
        (" ;; -- nothing", "empty"),
        ("SELECT 1; SELECT 2", "statement"),
        ("SELECT 1; DROP TABLE t", "statement"),
        ("INSERT INTO t VALUES (1)", "statement"),
        ("DELETE FROM t", "statement"),
        ("CREATE TABLE u AS SELECT 1", "statement"),
        ("COPY t TO '/tmp/x'", "statement"),
        ("ATTACH '/tmp/x'", "statement"),
        ("SET threads = 9", "statement"),
        ("PRAGMA database_list", "statement"),
        ("INSTALL httpfs", "statement"),
        ("CALL range(3)", "statement"),
        ("EXPLAIN DELETE FROM t", "statement"),
        ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", "statement"),
        ("EXPLAIN (ANALYZE) COPY t TO '/tmp/x'", "statement"),
        ("PIVOT t ON a USING count(*)", "statement"),
        ("SELECT * FROM read_csv('/etc/passwd')", "function"),
        ("SELECT * FROM READ_TEXT('/etc/passwd')", "function"),
        ("SELECT * FROM query('DROP TABLE t')", "function"),
        ("SELECT (SELECT count(*) FROM glob('/*'))", "function"),
        ("WITH a AS (SELECT * FROM parquet_scan('x')) SELECT 1", "function"),
        ("SELECT * FROM range(3) WHERE range IN (SELECT 1 FROM theirs(4))", "function"),
        ("SELECT getenv('HOME')", "function"),
        ("SELECT [x FOR x IN [current_setting('home_directory')]]", "function"),
        ("EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')", "function"),
    ],
)
def test_what_does_more_is_refused(connection: duckdb.DuckDBPyConnection, sql: str, reason: str) -> None:
    with pytest.raises(SqlRefusedError) as caught:
        check(connection, sql, {"ours"})
    assert caught.value.reason == reason


def test_what_is_no_sql_fails_with_the_place(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SqlFailedError, match=r'syntax error at or near "SELEC"'):
        check(connection, "SELEC 1", ())


def test_nothing_that_is_checked_is_run(connection: duckdb.DuckDBPyConnection) -> None:
    check(connection, "EXPLAIN ANALYZE SELECT error('it was run')", ())
    check(connection, "SELECT error('it was run')", ())
