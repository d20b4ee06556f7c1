"""NDJSON bulk ingest over HTTP: validated, durable, ids deduplicated, 1,000 events a request."""

from __future__ import annotations

import sqlite3
import statistics
import time
from pathlib import Path

import orjson

from bench.data import lines
from bench.load import request
from bench.load import run as drive
from bench.report import Figure, at_least
from bench.server import free_port, up

EVENTS = 100_000
A_REQUEST = 1_000
CONNECTIONS = 4
ROUNDS = 5


def run(home: Path) -> list[Figure]:
    port = free_port()
    ours, bare = [], []
    with up(home / "up", port):
        for round_number in range(ROUNDS + 1):
            some = list(lines(EVENTS, round_number * EVENTS))
            bodies = [b"\n".join(some[i : i + A_REQUEST]) for i in range(0, EVENTS, A_REQUEST)]
            path = "/v1/streams/trips/events"
            outcome = drive(port, [request("POST", path, body, "application/x-ndjson") for body in bodies], CONNECTIONS)
            assert outcome.failed == 0
            if round_number:  # the first warms up
                ours.append(EVENTS / outcome.seconds)
                bare.append(bare_executemany(home / f"bare{round_number}.db", some))
    rate = statistics.median(ours)
    ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
    return [
        at_least("bulk ingest over HTTP", rate, "events/s", 60_000),
        at_least("… of a bare executemany", ratio, "×", 0.35, f"{statistics.median(bare):,.0f} rows/s"),
    ]


def bare_executemany(path: Path, some: list[bytes]) -> float:
    """Rows a second of sqlite3 alone: the same rows, ids unique, a durable commit every 1,000."""
    rows = []
    for offset, line in enumerate(some):
        trip = orjson.loads(line)
        rows.append((0, offset, "trips", trip["station"], trip["trip_id"], offset, offset, line))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE records (part INTEGER, at INTEGER, stream TEXT, key TEXT, id TEXT, time INTEGER, "
        "appended INTEGER, data BLOB, PRIMARY KEY (part, at)) WITHOUT ROWID"
    )
    connection.execute("CREATE UNIQUE INDEX ids ON records (stream, id)")
    begun = time.perf_counter()
    for start in range(0, len(rows), A_REQUEST):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO records VALUES (?,?,?,?,?,?,?,?)", rows[start : start + A_REQUEST])
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    connection.close()
    return len(rows) / seconds
