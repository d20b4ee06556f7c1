from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anabranch import Cut, Model
from eventlog.decisions import ModelPromoted, ModelRolledBack, Publication
from eventlog.log.memory_log import MemoryLog
from speed.base_layer import Predictor
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from tests.end_to_end.analyst import until
from tests.home_key import KEY
from tests.speed.learning.learner_world import FixedLayer, make_app


class Watched(FixedLayer):
    """A generation that remembers whether anybody had to wait while a version was opened."""

    def __init__(self, *versions: int):
        super().__init__(*versions)
        self.opened: list[tuple[int, bool]] = []
        self.is_locked: Callable[[], bool] = bool

    def predictor(self, model: Model, version: int) -> Predictor | None:
        self.opened.append((version, self.is_locked()))
        return super().predictor(model, version)


def test_whoever_becomes_champion_is_opened_before_the_state_is_locked(tmp_path: Path) -> None:
    log = MemoryLog()
    by_generation = {1: Watched(1), 2: Watched(1, 2)}  # version 1 is carried over; version 3 is damaged
    consumer = Consumer(
        make_app(), log, Checkpoints(tmp_path, KEY), lambda _: True, published=lambda p: by_generation[p.generation]
    )
    for layer in by_generation.values():
        layer.is_locked = lambda: consumer.reader.busy
    consumer.start()
    try:
        until(lambda: consumer.reader.caught_up, 20)
        for generation in (1, 2):
            cut = log.mark({"kind": "batch_started", "run": f"r{generation}"})
            promoted = {"minutes": 1} if generation == 1 else {}
            log.mark(Publication(generation, Cut((cut,)), "", f"r{generation}", promoted=promoted).event())
        log.mark(dict(ModelPromoted("minutes", 3, 1).event()))
        log.mark(dict(ModelPromoted("minutes", 2, 3).event()))
        log.mark(dict(ModelRolledBack("minutes", 3, 2).event()))
        consumer.reader.when_past(log.end()).result(20)
    finally:
        consumer.stop()
    assert {version for version, _ in by_generation[2].opened} == {1, 2, 3}
    for layer in by_generation.values():
        assert not any(locked for _, locked in layer.opened)
    told = consumer.reader.report_of(consumer.app.models["minutes"])
    assert told.champions.versions == (1, 3)
