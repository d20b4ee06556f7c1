"""The replay of a log to training rows beside the fold of the speed layer: ten features, of which six look views up."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from pathlib import Path

from anabranch import App, Cut, load_app
from batch.archive import archive
from batch.capacity import Capacity
from batch.cluster import DaskWorkers
from batch.exchange import Exchange
from batch.models.replay import replay
from batch.models.replay_task import ReplayTask
from batch.plan import plan
from batch.views.fold_all import fold_all
from bench.data import appends
from bench.report import Figure, at_least
from eventlog.home_key import HomeKey
from eventlog.lake import Lake
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer

APPLICATION = Path(__file__).with_name("predict_application.py")
EVENTS = int(os.environ.get("BENCH_REPLAY_EVENTS", "200000"))
ROUNDS = 3


def run(home: Path) -> list[Figure]:
    app = load_app(str(APPLICATION))
    log = SqlLog(Database(f"sqlite:///{home}/log.db"), None)
    for append in appends(EVENTS):
        log.append(append)
    lake = Lake(home / "lake")
    archive(log, lake, app, Cut((EVENTS,)), lambda n: None)
    folds: list[float] = []
    by_count: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        folds.append(fold_rate(app, log, home / f"checkpoints-{number}"))
        for count, rates in by_count.items():
            rates.append(replay_rate(app, lake, home, count))
    log.close()
    one, two = (statistics.median(rates) for rates in by_count.values())
    fold = statistics.median(folds)
    scaling = statistics.median(b / a for a, b in zip(*by_count.values(), strict=True))
    return [
        at_least(
            "replay to rows, one worker, of the speed layer's fold",
            one / fold,
            "×",
            0.8,
            f"{fold:,.0f} events/s folded",
        ),
        Figure("… one worker", one, "events/s/core"),
        Figure("… two workers", two / 2, "events/s/core", note=f"{two:,.0f} events/s together"),
        at_least("… two workers, of one", scaling, "×", 1.6, f"{os.cpu_count()} cores"),
    ]


def fold_rate(app: App, log: SqlLog, checkpoints: Path) -> float:
    """Events a second that the speed layer folds and learns from."""
    consumer = Consumer(app, log, Checkpoints(checkpoints, HomeKey.of(checkpoints.parent)), lambda publication: False)
    begun = time.perf_counter()
    consumer.start()
    consumer.reader.when_past(log.end()).result()
    seconds = time.perf_counter() - begun
    consumer.stop()
    return EVENTS / seconds


def replay_rate(app: App, lake: Lake, home: Path, count: int) -> float:
    """Events a second that some workers replay: the fold of the views, which gives each its start, included."""
    folder = home / f"run-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    place = Exchange.of(lake.blobs, f"run-{count}", folder)
    capacity = Capacity(str(APPLICATION), None, count, 100_000, exchange=place)
    workers = DaskWorkers.local(count)
    list(workers.run(load_app, [str(APPLICATION)] * 2 * count))  # what a worker does once is no part of the rate
    begun = time.perf_counter()
    parts = capacity.parts([0, EVENTS], workers)
    works = plan(app.views.values(), None)
    deltas = sorted(fold_all(workers, capacity.tasks(app, lake, works, EVENTS, workers, parts)), key=lambda d: d.part)
    ranges = capacity.replays(app, lake, parts, deltas, None, workers)
    tasks = [ReplayTask(part, dict.fromkeys(app.models, 0), {}, place.store, str(folder)) for part in ranges]
    rows = sum(found.file["rows"] for of_range in workers.run(replay, tasks) for found in of_range)
    seconds = time.perf_counter() - begun
    workers.close()
    assert rows == EVENTS
    return EVENTS / seconds
