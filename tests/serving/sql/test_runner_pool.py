"""The pool, its runners and their walls, on a snapshot made by hand."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from serving.sql.child_process import ChildProcess
from serving.sql.errors import (
    SqlError,
    SqlFailedError,
    SqlRefusedError,
    SqlTooLargeError,
    SqlTooLongError,
    SqlUnavailableError,
)
from serving.sql.runner_pool import Query, RunnerPool, RunnerProcess
from serving.sql.sandbox.runner import Runner
from serving.sql.sandbox.sandbox import Sandbox

LIMITS = {"seconds": 2.0, "memory_bytes": 100_000_000, "rows": 100, "result_bytes": 100_000}


SPILLING = "SELECT count(DISTINCT word) FROM (SELECT md5(range::VARCHAR) AS word FROM range(100000000))"


class Source:
    """One snapshot, and which were read."""

    def __init__(self, folder: Path):
        self._files = [str(folder / "numbers.parquet")]
        self.path = folder / "snapshot.duckdb"
        with duckdb.connect(self.path) as connection:
            connection.execute(f"COPY (SELECT range AS number FROM range(1000)) TO '{self._files[0]}'")
            connection.execute(f"CREATE VIEW numbers AS FROM read_parquet('{self._files[0]}')")
        self.read: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[Mapping[str, Any]]:
        self.read.append("begun")
        facts = {"generation": None, "batch_cut": "0:0", "cut": "0:7"}
        yield {"name": "snapshot", "path": str(self.path), "files": self._files, **facts}
        self.read.append("ended")


@pytest.fixture
def runner_pool(tmp_path: Path) -> Iterator[RunnerPool]:
    with closing(RunnerPool(Source(tmp_path), LIMITS, [tmp_path], tmp_path / "scratch")) as runner_pool:
        yield runner_pool


def ask(runner_pool: RunnerPool, sql: str, *parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(runner_pool.submit(Query(sql, parameters, "json")).result(60).body)
    return answer


def test_where_the_kernel_has_no_wall_that_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")  # Python's own word for a kernel that we cannot bring here
    with closing(RunnerPool(Source(tmp_path), LIMITS, [tmp_path], tmp_path / "scratch")):
        assert "cannot wall off files and connections" in caplog.text


def test_a_query_is_answered_from_the_snapshot(runner_pool: RunnerPool) -> None:
    answer = ask(runner_pool, "SELECT sum(number) AS total FROM numbers WHERE number < ?", 5)
    assert 0.0 <= answer.pop("lag_seconds") < 60.0
    assert answer == {
        "columns": [{"name": "total", "type": "HUGEINT"}],
        "rows": [[10]],
        "row_count": 1,
        "truncated": False,
        "generation": None,
        "batch_cut": "0:0",
        "speed_cut": "0:7",
    }


def test_a_runner_that_died_is_replaced(runner_pool: RunnerPool) -> None:
    for hostile, error in (
        ("SELECT count(*) FROM range(1000000000000)", SqlTooLongError),
        ("SELECT length(repeat('x', 2000000000))", SqlTooLargeError),
        ("SELECT * FROM read_text('/etc/passwd')", SqlRefusedError),
        ("SELECT nothing", SqlFailedError),
    ):
        with pytest.raises(error):
            ask(runner_pool, hostile)
        assert ask(runner_pool, "SELECT count(*) FROM numbers")["rows"] == [[1_000]]


def test_a_runner_that_ended_between_two_queries_is_replaced(runner_pool: RunnerPool) -> None:
    ask(runner_pool, "SELECT 1")
    (runner,) = runner_pool._runners
    os.kill(runner.pid, signal.SIGKILL)
    runner._process.wait(10)
    assert ask(runner_pool, "SELECT count(*) FROM numbers")["rows"] == [[1_000]]


def test_a_runner_that_is_spent_is_replaced(tmp_path: Path) -> None:
    script = (
        "import os; from serving.sql.child_process import answer_all;"
        "answer_all(lambda _: ({'rows': 1, 'truncated': False, 'spent': True}, str(os.getpid()).encode()))"
    )

    class OfSpentRunners(RunnerPool):
        def _start(self) -> RunnerProcess:
            return RunnerProcess([sys.executable, "-c", script], None, tempfile.mkdtemp(dir=tmp_path))

    with closing(OfSpentRunners(Source(tmp_path), LIMITS, [tmp_path], tmp_path / "scratch")) as runner_pool:
        pids = {runner_pool.submit(Query("SELECT 1", [], "json")).result(60).body for _ in range(3)}
    assert len(pids) == 3


@pytest.mark.parametrize(("spent_bytes", "spent"), [(0, True), (2**60, False)])
def test_a_runner_says_when_it_is_spent(tmp_path: Path, spent_bytes: int, spent: bool) -> None:
    with Source(tmp_path).reading() as snapshot:
        asked = {"sql": "SELECT 1", "parameters": [], "facts": {}, "snapshot": snapshot, "format": "json"}
        head, _ = Runner(LIMITS, str(tmp_path), spent_bytes).answer(asked)
    assert head == {"rows": 1, "truncated": False, "spent": spent}


class Broken(Runner):
    """A runner whose database has met a mistake of its own."""

    def _open(self, snapshot: dict[str, Any]) -> Sandbox:
        sandbox = super()._open(snapshot)
        sandbox.broken = True
        return sandbox


def test_a_runner_whose_database_is_broken_is_spent(tmp_path: Path) -> None:
    with Source(tmp_path).reading() as snapshot:
        asked = {"sql": "SELECT 1", "parameters": [], "facts": {}, "snapshot": snapshot, "format": "json"}
        head, _ = Broken(LIMITS, str(tmp_path), 2**60).answer(asked)
    assert head["spent"]


def test_a_snapshot_that_cannot_be_opened_is_no_fault_of_the_statement(tmp_path: Path) -> None:
    snapshot = {"name": "gone", "path": str(tmp_path / "gone.duckdb"), "files": []}
    asked = {"sql": "SELECT 1", "parameters": [], "facts": {}, "snapshot": snapshot, "format": "json"}
    head, _ = Runner(LIMITS, str(tmp_path), 2**60).answer(asked)
    assert head["error"]["kind"] == "unavailable"
    assert str(tmp_path) not in str(head)


@contextmanager
def runner_on(folder: Path, before: str = "") -> Iterator[ChildProcess]:
    """A runner as the pool starts it; `before` is run ahead of it in its process."""
    code = f"{before}\nimport sys, serving.sql.sandbox.runner\nserving.sql.sandbox.runner.main(sys.argv[1:])"
    child = ChildProcess([sys.executable, "-c", code, orjson.dumps(LIMITS).decode(), "text", str(folder), str(folder)])
    try:
        child.ask({}, 60.0)
        yield child
    finally:
        child.end()


@pytest.mark.parametrize("format_", ["json", "csv", "arrow", "parquet"])
def test_a_runner_loads_no_library_amid_a_statement(tmp_path: Path, format_: str) -> None:
    """It would take of the statement's own memory, once 30 MB for pandas, and there may be too little for it."""

    def libraries(child: ChildProcess) -> set[str]:
        lines = Path(f"/proc/{child.pid}/maps").read_text().splitlines()
        return {path for line in lines if ".so" in (path := line.split()[-1])}

    with runner_on(tmp_path) as child, Source(tmp_path).reading() as snapshot:
        before = libraries(child)
        asked = {
            "sql": "SELECT [TIMESTAMPTZ '2024-02-29 10:00:00Z'] AS times, TIMESTAMPTZ '2024-02-29 10:00:00Z' AS time,"
            " DATE '2024-02-29' AS day, 1.5::DECIMAL(9, 2) AS price, MAP {'k': 1} AS counts, number FROM numbers",
            "parameters": [],
            "facts": {},
        }
        head, _ = child.ask({**asked, "snapshot": snapshot, "format": format_}, 60.0)
        assert head["rows"] == 100
        assert libraries(child) - before == set()
        assert "/pandas/" not in str(before)


def test_the_memory_of_a_statement_does_not_depend_on_what_libraries_take(tmp_path: Path) -> None:
    """They take more on a machine of many cores: 40 MB a thread of OpenBLAS, say."""
    with runner_on(tmp_path, "taken = bytearray(2_000_000_000)") as child, Source(tmp_path).reading() as snapshot:
        asked = {"sql": "SELECT number FROM numbers", "parameters": [], "facts": {}, "format": "json"}
        head, _ = child.ask({**asked, "snapshot": snapshot}, 60.0)
    assert head == {"rows": 100, "truncated": True, "spent": False}


def test_a_result_that_is_too_large_is_cut_or_refused(runner_pool: RunnerPool) -> None:
    found = ask(runner_pool, "SELECT repeat('x', 5000) FROM numbers")
    assert found["truncated"]
    assert 15 <= found["row_count"] < 20
    assert ask(runner_pool, "SELECT 1 FROM numbers LIMIT 100")["truncated"] is False
    assert ask(runner_pool, "SELECT 1 FROM numbers LIMIT 101")["truncated"] is True
    assert ask(runner_pool, "SELECT 1 FROM numbers LIMIT 0")["rows"] == []
    with pytest.raises(SqlTooLargeError, match="A row of the result"):
        ask(runner_pool, "SELECT repeat('x', 200000) FROM numbers LIMIT 1")


def test_what_runs_ends_with_the_desk(tmp_path: Path) -> None:
    runner_pool = RunnerPool(Source(tmp_path), {**LIMITS, "seconds": 60.0}, [tmp_path], tmp_path / "scratch")
    ask(runner_pool, "SELECT 1")
    running = runner_pool.submit(Query("SELECT count(*) FROM range(1000000000000)", [], "json"))
    threading.Thread(target=runner_pool.close).start()
    with pytest.raises(SqlError):
        running.result(30)
    runner_pool.close()
    with pytest.raises(SqlError):
        runner_pool.submit(Query("SELECT 1", [], "json")).result(30)


def test_where_there_is_no_place_to_spill_to_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("no folder can be made in here")
    with (
        closing(RunnerPool(Source(tmp_path), LIMITS, [tmp_path], tmp_path / "full" / "scratch")) as runner_pool,
        pytest.raises(SqlUnavailableError, match="no place to run the query in"),
    ):
        ask(runner_pool, "SELECT 1")


def test_what_a_killed_query_had_spilt_goes_with_it(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "of a pool that was killed").mkdir(parents=True)
    with closing(RunnerPool(Source(tmp_path), {**LIMITS, "seconds": 60.0}, [tmp_path], scratch)) as runner_pool:
        assert not scratch.exists()
        spilling = runner_pool.submit(Query(SPILLING, [], "json"))
        while not any(path.stat().st_size for path in scratch.glob("*/duckdb_temp*")):
            assert not spilling.done()
            time.sleep(0.02)  # a statement tells nobody that it spills
        (runner,) = runner_pool._busy
        os.kill(runner.pid, signal.SIGKILL)
        with pytest.raises(SqlTooLargeError):
            spilling.result(30)
        assert list(scratch.iterdir()) == []
        assert ask(runner_pool, "SELECT 1")["rows"] == [[1]]
    assert not scratch.exists()
