"""Predictions with three dashboards open, and with none: what the pages ask, they ask here as often, without a browser.

A browser on the same two cores would be measured too; the service cannot tell the difference.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.predict import APPLICATION, EVENTS, prepare, under_load
from bench.report import Figure, at_most
from bench.server import empty_route, free_port, get, resident_mib, running, up_command

ROUNDS = 5
VIEW = "/v1/views/usage?last=7d&group=total&layer="
PAGES: tuple[tuple[float, float, tuple[str, ...]], ...] = (
    (1.0, 0.0, ("/dashboard/snapshot",)),
    (4.0, 0.0, ("/v1/models/duration", "/dashboard/snapshot")),
    (3.0, 400.0, (f"{VIEW}merged", f"{VIEW}batch", f"{VIEW}speed", "/dashboard/snapshot")),
)
"""How long each page pauses, in seconds and as a multiple of what its questions took, and what it asks: the overview, a
model, a view."""


def run(home: Path) -> list[Figure]:
    port, empty_port = free_port(), free_port()
    alone, watched = [], []
    with running(up_command(home, port, APPLICATION), port, "/readyz") as service, empty_route(empty_port):
        prepare(port)
        before = resident_mib(service.pid)
        for number in range(0, 2 * ROUNDS, 2):  # in turn: the machine's speed drifts
            alone.append(p99(port, empty_port, number))
            with three_dashboards(port):
                watched.append(p99(port, empty_port, number + 1))
        after = resident_mib(service.pid)
    ratio = statistics.median(watched) / statistics.median(alone)
    note = f"medians of {ROUNDS}: {statistics.median(watched):.1f} ms, and {statistics.median(alone):.1f} ms with none"
    return [
        at_most("predict p99 with three dashboards open, of that with none", ratio, "×", 1.5, note),
        Figure("… memory of the service afterwards", after, "MiB", note=f"{before:.0f} MiB before the first dashboard"),
    ]


def p99(port: int, empty_port: int, number: int) -> float:
    """Of predictions while 1,000 new events/s are folded, in milliseconds."""
    return under_load(port, empty_port, EVENTS * (number + 1))[0].percentile_ms(99)


@contextmanager
def three_dashboards(port: int) -> Iterator[None]:
    """The three pages, as long as the block lasts."""
    context = multiprocessing.get_context("spawn")
    opened, closed = context.Event(), context.Event()
    process = context.Process(target=look, args=(port, opened, closed))
    process.start()
    assert opened.wait(60)  # its own start must not be measured
    try:
        yield
    finally:
        closed.set()
        process.join()
    assert process.exitcode == 0


def look(port: int, opened: Event, closed: Event) -> None:
    """Ask what the pages ask."""
    opened.set()
    pages = [threading.Thread(target=_page, args=(port, *page, closed)) for page in PAGES]
    for page in pages:
        page.start()
    for page in pages:
        page.join()


def _page(port: int, seconds: float, of_work: float, asked: tuple[str, ...], closed: Event) -> None:
    took = 0.0
    while not closed.wait(max(seconds, of_work * took)):
        begun = time.perf_counter()
        for path in asked:
            assert get(port, path)[0] == 200
        took = time.perf_counter() - begun
