"""From the ingest reply to visible in the merged view, while 1,000 events/s come in."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path

from bench.data import lines
from bench.load import percentile_ms, request
from bench.load import run as drive
from bench.report import Figure, at_most
from bench.server import free_port, up

SECONDS = 10


def run(home: Path) -> list[Figure]:
    port = free_port()
    path = "/v1/streams/trips/events"
    events = list(lines(1_000 * SECONDS))
    bodies = [b"\n".join(events[i : i + 10]) for i in range(0, len(events), 10)]
    with up(home, port):
        posts = [request("POST", path, body, "application/x-ndjson") for body in bodies]
        writer = threading.Thread(target=drive, args=(port, posts, 4, 100.0))
        writer.start()
        waits = probe(port, path, list(lines(40 * (SECONDS - 2), 10_000_000)))
        writer.join()
    note = "includes the HTTP request that waits for it"
    return [
        at_most("ingest reply to visible, p50", percentile_ms(waits, 50), "ms", 10.0, note),
        at_most("ingest reply to visible, p99", percentile_ms(waits, 99), "ms", 60.0, note),
    ]


def probe(port: int, path: str, events: list[bytes]) -> list[float]:
    """Post single events 40 times a second; for each, the seconds from its reply until a read has seen it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    waits = []
    for event in events:
        station = json.loads(event)["station"]
        connection.request("POST", path, event, {"Content-Type": "application/json"})
        position = json.loads(connection.getresponse().read())["position"]
        replied = time.perf_counter()
        connection.request("GET", f"/v1/views/usage?station={station}&after={position}&limit=1")
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        waits.append(time.perf_counter() - replied)
        time.sleep(0.025)
    connection.close()
    return waits
