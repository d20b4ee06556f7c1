"""Every statement of docs/sql.md runs on the demo data; what the document shows as an answer is the answer."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from infra.analytics.snapshot_writer import snapshots_of
from infra.composition import opened
from infra.settings import Settings
from serving.sql.sandbox.result_rows import read, values

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sql\n(?P<sql>.*?)^```\n(?:\n```text\n(?P<answer>.*?)^```\n)?", re.MULTILINE | re.DOTALL)
BLOCKS = [(match["sql"], match["answer"]) for match in BLOCK.finditer((ROOT / "docs" / "sql.md").read_text())]
QUESTIONS = re.findall(r"^### \d+\. (.*)$", (ROOT / "docs" / "sql.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    home = tmp_path_factory.mktemp("home")
    application = str(ROOT / "examples" / "bikes.py")
    data = str(ROOT / "examples" / "data" / "bikes.parquet")
    command = [sys.executable, "-m", "infra.cli", "import", data, "--stream", "rentals", application]
    subprocess.run([*command, "--home", str(home)], check=True, capture_output=True)
    with opened(Settings.load(app=application, home=home)) as process:
        snapshot = snapshots_of(process, home / "analytics").take({}, "0:0", 0.0)
        with duckdb.connect(snapshot.path, read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10
    assert len(BLOCKS) >= 10
    assert sum(answer is not None for _, answer in BLOCKS) == 7


@pytest.mark.parametrize(("sql", "answer"), BLOCKS, ids=lambda text: (text or "").split("\n")[0][:50])
def test_a_statement_of_the_document_runs(database: duckdb.DuckDBPyConnection, sql: str, answer: str | None) -> None:
    result = read(database.sql(sql), 1_000, 2**30)
    if answer is None:
        return
    rows = [[_text(value) for value in row] for row in zip(*values(result), strict=True)]
    told = [result.table.column_names, *rows]
    assert [" ".join(" ".join(row).split()) for row in told] == [" ".join(line.split()) for line in answer.splitlines()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
