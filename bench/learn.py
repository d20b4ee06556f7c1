"""The fold of the speed layer with a model, beside the bare loop of River over the same examples: one core.

The fold reads and decodes the log, folds three views, computes ten features of which three look views up, asks a
champion of 300 trees, blends, scores, and learns; the bare loop predicts and learns from features that were computed
before.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from anabranch import App, Cut
from anabranch.features.fold import FailedFeatures, fold
from anabranch.features.lookups import Lookups
from batch.run import run_batch
from bench.data import appends
from bench.report import Figure, at_least
from infra.composition import Process, opened
from infra.settings import Settings
from speed.fold import events_of
from speed.learning.expert import numeric

APPLICATION = Path(__file__).with_name("predict_application.py")
TRAINED, LEARNT = 20_000, 60_000
ROUNDS = 3


def run(home: Path) -> list[Figure]:
    with opened(Settings.load(app=str(APPLICATION), home=home)) as process:
        everything = list(appends(TRAINED + LEARNT))
        trained = next(n for n in range(len(everything)) if sum(len(a.data) for a in everything[:n]) >= TRAINED)
        for append in everything[:trained]:
            process.log.append(append)
        run_batch(process.settings.app_reference, process.home, process.log, process.leases, process.runs, process.lake)
        for append in everything[trained:]:
            process.log.append(append)
        examples = frozen(process.app, process)
        folds, bares = [], []
        for number in range(ROUNDS):
            folds.append(fold_seconds(process, home / f"checkpoints-{number}"))
            bares.append(bare_seconds(process.app, examples))
    ratio = statistics.median(bare / fold for fold, bare in zip(folds, bares, strict=True))
    rate, bare_rate = LEARNT / statistics.median(folds), LEARNT / statistics.median(bares)
    note = f"{rate:,.0f} of {bare_rate:,.0f} events/s of processor time"
    return [at_least("fold with a model and a champion, of the bare River loop", ratio, "×", 0.4, note)]


def fold_seconds(process: Process, checkpoints: Path) -> float:
    """Processor time of the fold of everything behind the generation."""
    process.checkpoints.folder = checkpoints
    consumer = process.consumer()
    begun = time.process_time()
    consumer.start()
    consumer.reader.when_past(process.log.end()).result()
    seconds = time.process_time() - begun
    scores = consumer.reader.report_of(process.app.models["duration"]).learner["scores"]
    consumer.stop()
    assert scores["batch"]["count"] >= LEARNT, scores
    return seconds


def frozen(app: App, process: Process) -> list[tuple[dict[str, Any], float]]:
    """The examples behind the generation, with their features and labels."""
    tiles: dict[str, Any] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, None, [tiles], watermarks)
    found: list[tuple[dict[str, Any], float]] = []
    cut = Cut()
    while segments := process.log.read(cut):
        for segment in segments:
            if segment.stream in app.streams:
                events = events_of(segment, app)
                views, models = app.views_of(segment.stream), app.models_of(segment.stream)
                rows = fold(views, models, tiles, lookups, watermarks, events)[0]["duration"]
                for features, label in zip(rows, events.column("minutes"), strict=True):
                    assert not isinstance(features, FailedFeatures), features.reason
                    found.append((numeric(features), label))
        cut = Cut((segments[-1].end,))
    return found[-LEARNT:]


def bare_seconds(app: App, examples: list[tuple[dict[str, Any], float]]) -> float:
    model = app.models["duration"].speed()
    begun = time.process_time()
    for features, label in examples:
        model.predict_one(features)
        model.learn_one(features, label)
    return time.process_time() - begun
