"""How a run shows itself while it is at work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)
STAGES = ("mark", "archive", "fold", "merge", "replay", "train", "publish", "trim")
"""The stages of a run, in their order; `replay` and `train` only where the application has models."""
MODEL_STAGES = ("replay", "train")


class Progress(Protocol):
    """Where a run shows how far it is. Called from one thread at a time, by the run itself, so it must be quick."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps; the one before has ended."""
        ...

    def advance(self, n: int = 1) -> None:
        """`n` steps more are done."""
        ...

    def note(self, text: str) -> None:
        """Something that a person may want to know."""
        ...

    def end(self) -> None:
        """The stage has ended."""
        ...


class NoProgress:
    """A `Progress` that shows nothing; also the base of those that show only some of it."""

    def stage(self, name: str, total: int) -> None:
        """Nothing."""

    def advance(self, n: int = 1) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class CombinedProgress:
    """Several `Progress` at once. One that raises is dropped: a run must not end because it cannot be shown."""

    def __init__(self, parts: Sequence[Progress]):
        self.parts = list(parts)

    def stage(self, name: str, total: int) -> None:
        """Begin a stage in all of them."""
        self._tell(lambda part: part.stage(name, total))

    def advance(self, n: int = 1) -> None:
        """Advance all of them."""
        self._tell(lambda part: part.advance(n))

    def note(self, text: str) -> None:
        """Tell all of them."""
        self._tell(lambda part: part.note(text))

    def end(self) -> None:
        """End the stage in all of them."""
        self._tell(lambda part: part.end())

    def _tell(self, tell: Callable[[Progress], None]) -> None:
        for part in list(self.parts):
            try:
                tell(part)
            except Exception:  # a closed terminal, a database that is away
                logger.exception("the progress of the run is not shown any more")
                self.parts.remove(part)


@dataclass(slots=True)
class StageRecord:
    """How far a stage is, as the registry of runs stores it."""

    name: str
    done: int
    total: int
    seconds: float


class StageTimes:
    """Keeps the record of every stage, and hands it on now and then.

    Parameters
    ----------
    store
        Receives the name of the current stage and the records of all so far: at every beginning and end of a stage,
        and in between at most every `store_seconds`.
    """

    def __init__(self, store: StoreStages, store_seconds: float = 0.5):
        self.stages: list[StageRecord] = []
        self._store = store
        self._store_seconds = store_seconds
        self._began = 0.0
        self._stored = 0.0
        self._at_work = False

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._finish()
        self._began, self._at_work = time.perf_counter(), True
        self.stages.append(StageRecord(name, 0, total, 0.0))
        self._hand_on()

    def advance(self, n: int = 1) -> None:
        """Count."""
        if self._at_work:
            self.stages[-1].done += n
            if time.perf_counter() - self._stored >= self._store_seconds:
                self._clock()
                self._hand_on()

    def note(self, text: str) -> None:
        """Nothing: the registry has no place for it."""

    def end(self) -> None:
        """Take the time of the stage."""
        self._finish()
        if self.stages:
            self._hand_on()

    def _finish(self) -> None:
        if self._at_work:
            self._clock()
            self._at_work = False

    def _clock(self) -> None:
        self.stages[-1].seconds = round(time.perf_counter() - self._began, 3)

    def _hand_on(self) -> None:
        self._stored = time.perf_counter()
        self._store(self.stages[-1].name, self.stages)


class StoreStages(Protocol):
    """What `StageTimes` hands its records to."""

    def __call__(self, stage: str, stages: Sequence[StageRecord]) -> None:
        """Store them."""
        ...
