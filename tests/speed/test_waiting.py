"""Waiting for the fold: nobody is forgotten, whenever he asks."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from anabranch import App, Cut
from eventlog.log.memory_log import MemoryLog
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from tests.home_key import KEY
from tests.speed.learning.learner_world import Ride, ride
from tests.speed.test_consumer_models import append


class WatchedLog(MemoryLog):
    """It says when somebody who has folded everything waits for more."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = threading.Event()

    def wait(self, cut: Cut, timeout_seconds: float) -> bool:
        self.waited.set()
        return super().wait(cut, timeout_seconds)


class FoldedMeanwhile:
    """A position that the fold passes at the very moment when somebody looks whether it has."""

    def __init__(self, log: WatchedLog, consumer: Consumer):
        self._log, self._consumer = log, consumer

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        position = append(self._log, ride(1, 1.0))
        while not self._consumer.reader.cut.covers(position):
            pass
        self._log.waited.clear()
        self._log.waited.wait(0.5)  # it may have gone on; it may also wait until this is over
        return position.offsets


def test_a_fold_that_passes_while_one_asks_is_not_missed(tmp_path: Path) -> None:
    log = WatchedLog()
    append(log, ride(0, 1.0))
    app = App("rides")  # without a model, which would have samples of features appended, too
    app.stream("rides", Ride, time="at")
    consumer = Consumer(app, log, Checkpoints(tmp_path, KEY), lambda _: True)
    consumer.start()
    try:
        assert log.waited.wait(20)
        asked: Any = FoldedMeanwhile(log, consumer)
        assert consumer.reader.when_past(asked).result(20) == consumer.reader.cut
    finally:
        consumer.stop()
