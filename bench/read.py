"""Point reads of a merged view over HTTP, beside an empty route; and their latency while events are folded."""

from __future__ import annotations

import statistics
import threading
from pathlib import Path

from bench.data import lines
from bench.load import request
from bench.load import run as drive
from bench.report import Figure, at_least, at_most
from bench.server import empty_route, free_port, get, up

EVENTS = 50_000
REQUESTS = 4_000
ROUNDS = 9
FOLD_SECONDS = 32
"""Long enough for a checkpoint to be among them."""


def run(home: Path) -> list[Figure]:
    ours_port, empty_port = free_port(), free_port()
    ours, empty = [], []
    with up(home, ours_port), empty_route(empty_port):
        prepare(ours_port)
        reads = [request("GET", f"/v1/views/usage?station=S{i % 40 + 1}&last=6h") for i in range(REQUESTS)]
        nothing = [request("GET", "/")] * REQUESTS
        for round_number in range(ROUNDS + 1):
            outcome, bare = drive(ours_port, reads, 8), drive(empty_port, nothing, 8)
            assert outcome.failed == bare.failed == 0
            if round_number:
                ours.append(outcome.requests_per_second)
                empty.append(bare.requests_per_second)
        loaded = under_load(ours_port, reads)
    ratio = statistics.median(o / e for o, e in zip(ours, empty, strict=True))
    note = f"{statistics.median(ours):,.0f} of {statistics.median(empty):,.0f} requests/s"
    return [
        at_least("merged point read over HTTP, of an empty route", ratio, "×", 0.35, note),
        at_most("… p99 while 1,000 events/s are folded", loaded, "ms", 15.0, "200 reads/s"),
    ]


def prepare(port: int) -> None:
    """Half of the events in a generation, half in an epoch."""
    from bench.batching import run_over_http

    events = list(lines(EVENTS))
    for half in (events[: EVENTS // 2], events[EVENTS // 2 :]):
        bodies = [b"\n".join(half[i : i + 1_000]) for i in range(0, len(half), 1_000)]
        path = "/v1/streams/trips/events"
        drive(port, [request("POST", path, body, "application/x-ndjson") for body in bodies])
        if half[0] is events[0]:
            run_over_http(port)
    assert get(port, "/readyz")[0] == 200


def under_load(port: int, reads: list[bytes]) -> float:
    """The p99 of reads, in ms, while 1,000 events/s come in as 100 requests of 10."""
    events = list(lines(1_000 * FOLD_SECONDS, EVENTS))
    bodies = [b"\n".join(events[i : i + 10]) for i in range(0, len(events), 10)]
    posts = [request("POST", "/v1/streams/trips/events", body, "application/x-ndjson") for body in bodies]
    writer = threading.Thread(target=drive, args=(port, posts, 4, 100.0))
    writer.start()
    outcome = drive(port, reads[: 200 * (FOLD_SECONDS - 2)], 4, 200.0)
    writer.join()
    return outcome.percentile_ms(99)
