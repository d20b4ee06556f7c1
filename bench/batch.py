"""A batch run over five million events beside one DuckDB query on the same Parquet; and one over 1 % new events."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from bench.data import appends
from bench.report import Figure, at_most
from bench.server import APPLICATION
from eventlog.lake import Lake
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.runs import Runs

EVENTS = int(os.environ.get("BENCH_BATCH_EVENTS", "5000000"))
ROUNDS = 5
"""Of a run and the queries beside it. The round with the median ratio counts."""
QUERY = """
    SELECT station, epoch_us(_time) // 3600000000 AS tile,
        count(*), avg(minutes), min(minutes), max(minutes), sum(minutes)
    FROM read_parquet({files}) GROUP BY ALL
"""
WRITTEN = f"COPY ({QUERY} ORDER BY ALL) TO '{{into}}' (FORMAT parquet, COMPRESSION zstd)"
"""The same, and its result as a sorted file: what a batch run leaves behind, but for its index."""


def run(home: Path) -> list[Figure]:
    fill(home, EVENTS, 0)
    first = batch(home)
    rounds = [(batch(home, "--full"), one_query(home, QUERY), one_query(home, WRITTEN)) for _ in range(ROUNDS)]
    full, query, written = sorted(rounds, key=lambda found: found[0]["seconds"] / found[1])[ROUNDS // 2]
    fill(home, EVENTS // 100, EVENTS)
    incremental = batch(home)
    return [
        at_most(
            "batch run, --full, of one DuckDB query", full["seconds"] / query, "×", 4.0, f"{query:.2f} s the query"
        ),
        Figure(
            "… of one that also sorts and writes its result", full["seconds"] / written, "×", note=f"{written:.2f} s"
        ),
        at_most("… peak memory of a process of the run", full["mib"], "MiB", 2_000.0),
        Figure("… whole process, interpreter included", full["process_seconds"], "s"),
        Figure(
            "first run, which archives everything", first["seconds"], "s", note=f"{EVENTS / first['seconds']:,.0f}/s"
        ),
        at_most("incremental run of 1 %, of the first run", incremental["seconds"] / first["seconds"], "×", 0.1),
        Figure("… of the --full run, which archives nothing", incremental["seconds"] / full["seconds"], "×"),
    ]


def fill(home: Path, count: int, first: int) -> None:
    log = SqlLog(Database(f"sqlite:///{home}/log.db"), None)
    for append in appends(count, first, total=EVENTS):
        log.append(append)
    log.close()


def batch(home: Path, *options: str) -> dict[str, float]:
    """Run ``anabranch batch run`` and return its figures: seconds from marker to published, process, memory."""
    command = [sys.executable, "-m", "infra.cli", "batch", "run", str(APPLICATION), "--home", str(home), *options]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - begun
    database = Database(f"sqlite:///{home}/log.db")
    newest = Runs(database).list(1)[0]
    database.close()
    assert newest.finished is not None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": (newest.finished - newest.started) / 1e6, "process_seconds": seconds, "mib": peak}


def one_query(home: Path, query: str) -> float:
    """The median seconds of one query, its result fetched as Arrow."""
    files = Lake(home / "lake").files("trips", 0, EVENTS + 10)
    seconds = []
    for _ in range(5):
        connection = duckdb.connect()
        begun = time.perf_counter()
        found = connection.sql(query.format(files=files, into=home / "query.parquet"))
        if found is not None:
            found.to_arrow_table()
        seconds.append(time.perf_counter() - begun)
        connection.close()
    return statistics.median(seconds)
