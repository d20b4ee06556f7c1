"""Predictions over HTTP, one event each, beside an empty route; and their latency while events are folded."""

from __future__ import annotations

import json
import multiprocessing
import statistics
from collections.abc import Iterable
from pathlib import Path

import orjson

from bench.batching import run_over_http
from bench.data import lines, trips
from bench.load import Outcome, request
from bench.load import run as drive
from bench.load import run_here as drive_here
from bench.report import Figure, at_least, at_most
from bench.server import empty_route, free_port, get, running, up_command

APPLICATION = Path(__file__).with_name("predict_application.py")
EVENTS = 20_000
REQUESTS = 2_000
ROUNDS = 5
LOADED_ROUNDS = 5
FOLD_SECONDS = 12
PREDICTIONS_PER_SECOND = 100


def run(home: Path) -> list[Figure]:
    port, empty_port = free_port(), free_port()
    ours, empty = [], []
    with running(up_command(home, port, APPLICATION), port, "/readyz"), empty_route(empty_port):
        prepare(port)
        asks = predictions(REQUESTS)
        nothing = [request("POST", "/", b"{}")] * REQUESTS
        for round_number in range(ROUNDS + 1):
            outcome, bare = drive(port, asks, 8), drive(empty_port, nothing, 8)
            assert outcome.failed == bare.failed == 0
            if round_number:
                ours.append(outcome.requests_per_second)
                empty.append(bare.requests_per_second)
        alone = drive(port, asks, 1)
        rounds = [
            under_load(port, empty_port, EVENTS + number * 1_000 * FOLD_SECONDS) for number in range(LOADED_ROUNDS)
        ]
    ratio = statistics.median(o / e for o, e in zip(ours, empty, strict=True))
    note = f"{statistics.median(ours):,.0f} of {statistics.median(empty):,.0f} requests/s"
    told = f"{PREDICTIONS_PER_SECOND} predictions/s while 1,000 events/s are folded"
    return [
        at_least("predict over HTTP, of an empty route", ratio, "×", 0.2, note),
        Figure("… one at a time, p50", alone.percentile_ms(50), "ms", note="nothing else to do"),
        at_most("… p50 while events are folded", median_ms((ours for ours, _ in rounds), 50), "ms", 4.0, told),
        at_most("… p99 while events are folded", median_ms((ours for ours, _ in rounds), 99), "ms", 20.0, told),
        Figure(
            "… p99 of the empty route meanwhile",
            median_ms((bare for _, bare in rounds), 99),
            "ms",
            note="in another process",
        ),
    ]


def median_ms(outcomes: Iterable[Outcome], percent: float) -> float:
    """The median over rounds of a percentile: one stall of the machine must not decide."""
    return statistics.median(outcome.percentile_ms(percent) for outcome in outcomes)


def prepare(port: int) -> None:
    """Half of the events in a generation with a champion, half behind it."""
    events = list(lines(EVENTS))
    post(port, events[: EVENTS // 2], 1_000)
    run_over_http(port)
    position = post(port, events[EVENTS // 2 :], 1_000)
    assert get(port, f"/v1/models?after={position}&timeout_ms=120000")[0] == 200
    (model,) = json.loads(get(port, "/v1/models")[1])["models"]
    assert model["champion"] is not None, model


def post(port: int, events: list[bytes], together: int, per_second: float | None = None) -> str:
    """Post events, and return the end of the log behind them."""
    bodies = [b"\n".join(events[i : i + together]) for i in range(0, len(events), together)]
    posts = [request("POST", "/v1/streams/trips/events", body, "application/x-ndjson") for body in bodies]
    assert drive(port, posts, 4, per_second).failed == 0
    end: str = json.loads(get(port, "/readyz")[1])["log_end"]
    return end


def predictions(count: int) -> list[bytes]:
    """Requests for predictions of trips that are about to happen."""
    asked = [{name: value for name, value in trip.items() if name != "minutes"} for trip in trips(count, 10_000_000)]
    return [request("POST", "/v1/models/duration/predict", orjson.dumps(trip)) for trip in asked]


def under_load(port: int, empty_port: int, first: int = EVENTS) -> tuple[Outcome, Outcome]:
    """Predictions while 1,000 events/s come in as 100 requests of 10; and, meanwhile, an empty route."""
    events = list(lines(1_000 * FOLD_SECONDS, first))
    fork = multiprocessing.get_context("fork")  # not threads: those who drive fork
    writer = fork.Process(target=post, args=(port, events, 10, 100.0))
    count = PREDICTIONS_PER_SECOND * (FOLD_SECONDS - 2)
    writer.start()
    with fork.Pool(2) as pool:
        asked = pool.apply_async(drive_here, (port, predictions(count), 4, PREDICTIONS_PER_SECOND))
        bare = pool.apply_async(
            drive_here, (empty_port, [request("POST", "/", b"{}")] * count, 4, PREDICTIONS_PER_SECOND)
        )
        outcomes = asked.get(), bare.get()
    writer.join()
    assert writer.exitcode == 0
    assert [outcome.failed for outcome in outcomes] == [0, 0]
    return outcomes
