"""Single-event POSTs over 32 connections, each durable before its reply, beside an empty FastAPI route."""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.data import lines
from bench.load import request
from bench.load import run as drive
from bench.report import Figure, at_least
from bench.server import empty_route, free_port, up

REQUESTS = 6_000
CONNECTIONS = 32
ROUNDS = 5


def run(home: Path) -> list[Figure]:
    ours_port, empty_port = free_port(), free_port()
    ours, empty = [], []
    with up(home, ours_port), empty_route(empty_port):
        for round_number in range(ROUNDS + 1):
            events = list(lines(REQUESTS, round_number * REQUESTS))
            posts = [request("POST", "/v1/streams/trips/events", event) for event in events]
            outcome = drive(ours_port, posts, CONNECTIONS)
            bare = drive(empty_port, [request("POST", "/", event) for event in events], CONNECTIONS)
            assert outcome.failed == bare.failed == 0
            if round_number:
                ours.append(outcome.requests_per_second)
                empty.append(bare.requests_per_second)
    ratio = statistics.median(o / e for o, e in zip(ours, empty, strict=True))
    note = f"{statistics.median(ours):,.0f} of {statistics.median(empty):,.0f} requests/s"
    return [at_least("single-event POST, 32 connections, of an empty route", ratio, "×", 0.45, note)]
