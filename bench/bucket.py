"""A batch run on a bucket of a real S3 server beside the same run on a folder; and the merge of small files."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from anabranch import load_app
from bench.batch import batch
from bench.data import appends
from bench.report import Figure, at_most
from bench.server import APPLICATION
from eventlog.lake import Lake
from eventlog.lake.compaction import compact
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.buckets import S3Server

EVENTS = int(os.environ.get("BENCH_BUCKET_EVENTS", "1000000"))
SMALL_FILES = 10
MERGED = 900_000
"""The largest merge that a run does, nearly: ten files of 90,000 records."""


def run(home: Path) -> list[Figure]:
    seconds: dict[str, list[float]] = {}
    for where in ("folder", "bucket"):
        (place := home / where).mkdir()
        with tempfile.TemporaryDirectory(prefix="anabranch-s3-") as folder:  # a short path: that of a socket
            server = S3Server(Path(folder))
            try:
                if where == "bucket":
                    server.start()
                    os.environ.update(server.environment, ANABRANCH_STORE=server.place())
                seconds[where] = _runs(place)
            finally:
                server.stop()
                os.environ.pop("ANABRANCH_STORE", None)
    first, full, incremental = (
        bucket / folder for bucket, folder in zip(seconds["bucket"], seconds["folder"], strict=True)
    )
    spent, mib = _merge(home / "folder")
    return [
        Figure("first batch run on S3, of one on a folder", first, "×", note=f"{seconds['folder'][0]:.2f} s"),
        Figure("… --full, which archives nothing", full, "×", note=f"{seconds['folder'][1]:.2f} s"),
        Figure("… of 1 % new events", incremental, "×", note=f"{seconds['folder'][2]:.2f} s"),
        Figure("merge of ten files of 90,000 records", spent, "s", note=f"{MERGED / spent:,.0f}/s"),
        at_most("… peak memory beside what was there", mib, "MiB", 500.0),
    ]


def _runs(home: Path) -> list[float]:
    """The seconds of a first run, of one that computes everything again, and of one over 1 % new events."""
    _fill(home, EVENTS, 0)
    found = [batch(home)["seconds"], batch(home, "--full")["seconds"]]
    _fill(home, EVENTS // 100, EVENTS)
    return [*found, batch(home)["seconds"]]


def _fill(home: Path, count: int, first: int) -> None:
    database = Database(f"sqlite:///{home}/log.db")
    log = SqlLog(database, None)
    for append in appends(count, first, total=EVENTS):
        log.append(append)
    log.close()
    database.close()


def _merge(home: Path) -> tuple[float, float]:
    """The seconds and the memory of the largest merge, in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_merged, (home,))


def _merged(home: Path) -> tuple[float, float]:
    streams = load_app(str(APPLICATION)).streams
    source, lake = Lake(home / "lake"), Lake(home / "small")
    size = MERGED // SMALL_FILES
    for start in range(0, MERGED, size):
        lake.archive(streams["trips"], source.read_stream("trips", start, start + size), start + size)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    compact(lake, streams, lambda: None)
    seconds = time.perf_counter() - begun
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
