"""Which statements pass: one that reads, however it is wrapped, and nothing that hides behind one."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from serving.sql.errors import SqlFailedError, SqlRefusedError
from serving.sql.sandbox.relation_names import RelationNames
from serving.sql.sandbox.statement import StatementCheck


@pytest.fixture(scope="module")
def check() -> Iterator[StatementCheck]:
    with duckdb.connect() as connection:
        connection.execute("CREATE VIEW t AS SELECT 1 AS a; CREATE MACRO ours(x) AS TABLE SELECT x")
        yield StatementCheck(connection, RelationNames.of(connection))


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
        "SELECT now(), random(), error('x'), sum(a) OVER (), [1].list_transform(lambda x: x + 1) FROM t",
        "FROM information_schema.columns, duckdb_tables",
        "WITH columns AS (SELECT 1) FROM columns",
        "WITH RECURSIVE n(i) USING KEY (i) AS (SELECT 1 UNION SELECT i + 1 FROM recurring.n WHERE i < 3) FROM n",
        "FROM histogram_values(t, a)",
        "EXPLAIN /* ääää ( */ ANALYZE /* ) */ SELECT 1 -- ü",
        "EXPLAIN (ANALYZE, FORMAT 'yaml') (SELECT 1)",
    ],
)
def test_what_reads_passes(check: StatementCheck, sql: str) -> None:
    checked = check.passed(sql)
    assert checked.is_explanation == sql.startswith("EXPLAIN")


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
        ("EXPLAIN ANALYZE /* äääääääääääääääääääääää */ CREATE TEMP VIEW t AS SELECT 1", "statement"),
        ("EXPLAIN (ANALYZE /* ( */) CREATE TEMP VIEW t AS /* ) */ SELECT 1", "statement"),
        ("EXPLAIN (FORMAT html) SELECT 1", "statement"),
        ("SHOW DATABASES", "statement"),
        ("FROM pg_settings", "relation"),
        ("WITH pg_settings AS (SELECT 1) FROM pg_settings", "relation"),
        ("FROM histogram_values(pg_settings, value)", "relation"),
        ("FROM histogram_values('t', a)", "function"),
        ("SELECT sum(a) OVER (PARTITION BY current_setting('threads')) FROM t", "function"),
    ],
)
def test_what_does_more_is_refused(check: StatementCheck, sql: str, reason: str) -> None:
    with pytest.raises(SqlRefusedError) as caught:
        check.passed(sql)
    assert caught.value.reason == reason


def test_what_is_no_sql_fails_with_the_place(check: StatementCheck) -> None:
    with pytest.raises(duckdb.ParserException, match=r'syntax error at or near "SELEC"'):
        check.passed("SELEC 1")


def test_what_is_nested_too_deeply_fails(check: StatementCheck) -> None:
    with pytest.raises((SqlFailedError, duckdb.Error), match=r"too deeply|depth"):
        check.passed("SELECT " + "+".join(["1"] * 3_000))


@pytest.mark.parametrize("name", ["u", "temp.t", "other.main.t", '"/etc/passwd"', '"t.parquet"'])
def test_a_name_of_nothing_fails_and_is_taken_for_no_file(check: StatementCheck, name: str) -> None:
    with pytest.raises(SqlFailedError, match="There is no relation"):
        check.passed(f"FROM {name}")


def test_nothing_that_is_checked_is_run(check: StatementCheck) -> None:
    check.passed("EXPLAIN ANALYZE SELECT error('it was run')")
    check.passed("SELECT error('it was run')")


@pytest.mark.parametrize(
    ("sql", "run"),
    [
        ("EXPLAIN SELECT 1", "EXPLAIN (FORMAT default) SELECT 1"),
        ("explain analyze /* x */ FROM t", "EXPLAIN (FORMAT default, ANALYZE) FROM t"),
        ("EXPLAIN (FORMAT (json), ANALYZE) (SELECT 1)", "EXPLAIN (FORMAT json, ANALYZE) (SELECT 1)"),
    ],
)
def test_an_explanation_is_put_together_from_what_was_checked(check: StatementCheck, sql: str, run: str) -> None:
    assert check.passed(sql).statement.query == run
