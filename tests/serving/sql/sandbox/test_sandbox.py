"""A snapshot that is open for statements of strangers: what they see of it, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving.sql.errors import SqlError, SqlFailedError, SqlRefusedError, SqlUnavailableError
from serving.sql.sandbox import result_rows
from serving.sql.sandbox.sandbox import Sandbox, StatementLimits
from serving.sql.sandbox.statement import Checked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with duckdb.connect(tmp_path / "snapshot.duckdb") as connection:
        connection.execute(f"COPY (SELECT range AS number FROM range(1000)) TO '{tmp_path}/numbers.parquet'")
        connection.execute(f"CREATE VIEW numbers AS FROM read_parquet('{tmp_path}/numbers.parquet')")
    return tmp_path


def opened(folder: Path, cls: type[Sandbox] = Sandbox) -> Sandbox:
    limits = StatementLimits(memory_bytes=100_000_000)
    return cls(str(folder / "snapshot.duckdb"), [str(folder / "numbers.parquet")], limits, str(folder / "scratch"))


@pytest.fixture
def sandbox(folder: Path) -> Iterator[Sandbox]:
    with closing(opened(folder)) as sandbox:
        yield sandbox


class Unchecked(Sandbox):
    """A sandbox whose check was passed by."""

    def _passed(self, sql: str) -> Checked:
        (statement,) = self._connection.extract_statements(sql)
        return Checked(statement, is_explanation=False)


def rows(sandbox: Sandbox, sql: str, *parameters: Any) -> list[list[Any]]:
    with sandbox.run(sql, parameters) as relation:
        return list(map(list, zip(*result_rows.values(result_rows.read(relation, 100, 10**6)), strict=True)))


@pytest.mark.parametrize(
    "left",
    [
        "CREATE TEMP VIEW numbers AS SELECT 0 AS number",
        "CREATE TEMP TABLE numbers AS SELECT 0 AS number",
        "CREATE TEMP MACRO sum(x) AS 0",
        "SET VARIABLE x = 1",
        "BEGIN TRANSACTION",
        "PREPARE x AS SELECT 1",
        "SET TimeZone = 'Asia/Tokyo'",
        "SET search_path = 'temp'",
        "USE temp",
    ],
)
def test_nothing_of_a_statement_is_left_for_the_next_even_if_it_passed_the_check(folder: Path, left: str) -> None:
    with closing(opened(folder, Unchecked)) as sandbox:
        with suppress(SqlError):
            rows(sandbox, left)
        asked = (
            "SELECT sum(number)::BIGINT, getvariable('x'), TIMESTAMPTZ '2024-01-01 00:00:00Z'::VARCHAR,"
            " current_schema(), (SELECT count(*) FROM duckdb_prepared_statements()) FROM numbers"
        )
        assert rows(sandbox, asked) == [[499_500, None, "2024-01-01 00:00:00+00", "main", 0]]


def test_a_file_that_is_gone_is_not_the_fault_of_the_statement(folder: Path) -> None:
    with closing(opened(folder)) as sandbox:
        (folder / "numbers.parquet").unlink()
        with pytest.raises(SqlUnavailableError, match=r"numbers\.parquet") as told:
            rows(sandbox, "SELECT sum(number) FROM numbers")
        assert str(folder) not in str(told.value)
        assert sandbox.broken, "the next statement is for another snapshot"


def test_parameters_are_given_to_a_statement_and_to_what_is_explained(sandbox: Sandbox) -> None:
    assert rows(sandbox, "SELECT number FROM numbers WHERE number = ?", 7) == [[7]]
    ((key, plan),) = rows(sandbox, "EXPLAIN ANALYZE SELECT number FROM numbers WHERE number = ?", 7)
    assert key == "analyzed_plan"
    assert "1 row" in plan


@pytest.mark.parametrize("form", ["text", "json", "yaml", "graphviz", "mermaid"])
def test_a_plan_names_the_files_that_were_read_without_their_paths(sandbox: Sandbox, folder: Path, form: str) -> None:
    ((_, plan),) = rows(sandbox, f"EXPLAIN (ANALYZE, FORMAT {form}) SELECT max(number + 1) FROM numbers")
    assert "numbers.parquet" in plan
    assert str(folder) not in plan


def test_an_error_names_the_file_that_is_damaged_without_its_path(sandbox: Sandbox, folder: Path) -> None:
    (folder / "numbers.parquet").write_bytes(b"PAR1" * 100)
    with pytest.raises(SqlFailedError, match=r"numbers\.parquet") as caught:
        rows(sandbox, "SELECT max(number + 1) FROM numbers")
    assert str(folder) not in str(caught.value)
    assert not sandbox.broken


def test_what_duckdb_got_wrong_itself_breaks_the_sandbox_and_shows_no_stack(sandbox: Sandbox) -> None:
    with pytest.raises(SqlFailedError) as caught, sandbox.run("SELECT 1", ()):
        raise duckdb.InternalException("INTERNAL Error: x\n\nStack Trace:\n0x1 in duckdb")
    assert str(caught.value) == "INTERNAL Error: x"
    assert sandbox.broken


def test_what_is_wrong_with_a_statement_breaks_nothing(sandbox: Sandbox) -> None:
    for wrong in ("SELEC 1", "SELECT nothing", "SELECT 'x'::INTEGER", "FROM nowhere", "SELECT error('x')"):
        with pytest.raises(SqlFailedError):
            rows(sandbox, wrong)
    with pytest.raises(SqlRefusedError):
        rows(sandbox, "FROM pg_settings")
    assert not sandbox.broken
    assert rows(sandbox, "SELECT count(*) FROM numbers") == [[1_000]]
