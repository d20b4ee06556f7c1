"""The join of examples with labels that arrive later in another stream.

====================  =========================================================================================
a label that comes    does
====================  =========================================================================================
on time               teaches each example of its key that waits for one
early                 is remembered, and teaches its example when that comes
twice                 nothing: a duplicate if it says the same, else a correction, which the batch layer learns
late                  nothing: it is more than `within` away from the example, or the example was closed
never                 `missing` teaches the example when the clock closes it; without `missing` nobody learns
====================  =========================================================================================

The clock is the newest event time of both streams so far. It closes an example once it has passed its time by more
than `within`; until then the join remembers it. So memory is bounded by the events of one such span.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anabranch.label import Label
from anabranch.model import LabelValue

Teach = Callable[[Any, LabelValue], None]
"""Called with what waited and its label, once an example at most."""
COUNTED = ("joined", "early", "duplicate", "corrected", "late", "missing", "unlabelled")


@dataclass(slots=True)
class Waiting:
    """An example that is not closed yet. `label` is what it was taught with; None: nothing yet."""

    time: int
    example: Any
    label: LabelValue | None = None


class LabelJoin:
    """See above. Its attributes are plain data but for what waits.

    Parameters
    ----------
    label
        The definition.
    """

    def __init__(self, label: Label):
        self.within_us = label.within_us
        self.missing = label.missing
        self.clock: int | None = None
        self.counts = dict.fromkeys(COUNTED, 0)
        self._waiting: dict[str, list[Waiting]] = {}
        self._closing: list[tuple[int, int, str]] = []  # (time after which it closes, number, key): a heap
        self._remembered: dict[str, list[Any]] = {}  # the newest label of a key: time, label, whether it was taken
        self._forgetting: list[tuple[int, int, str]] = []
        self._number = 0

    @property
    def pending(self) -> int:
        """How many examples wait for a label."""
        return sum(waiting.label is None for of_key in self._waiting.values() for waiting in of_key)

    def example(self, key: str | None, time: int, example: Any, teach: Teach) -> None:
        """An example has come. `example` is what is handed to `teach`."""
        self._advance(time, teach)
        if key is None:
            self.counts["unlabelled"] += 1
            return
        waiting = Waiting(time, example)
        early = self._remembered.get(key)
        if early is not None and abs(early[0] - time) <= self.within_us:
            self.counts["early"] += 1
            early[2] = True
            self._teach(waiting, early[1], teach)
        self._number += 1
        self._waiting.setdefault(key, []).append(waiting)
        heapq.heappush(self._closing, (time + self.within_us, self._number, key))
        self._close(teach)

    def label(self, key: str | None, time: int, label: LabelValue | None, teach: Teach) -> None:
        """A label has come."""
        self._advance(time, teach)
        if key is None or label is None:
            return
        taken = False
        for waiting in self._waiting.get(key, ()):
            if abs(time - waiting.time) > self.within_us:
                continue
            taken = True
            if waiting.label is None:
                self.counts["joined"] += 1
                self._teach(waiting, label, teach)
            else:
                self.counts["duplicate" if waiting.label == label else "corrected"] += 1
        self._number += 1
        self._remembered[key] = [time, label, taken]
        heapq.heappush(self._forgetting, (time + self.within_us, self._number, key))
        self._forget()

    def report(self) -> dict[str, int]:
        """How many examples wait, and what became of the others."""
        return {"pending": self.pending, **self.counts}

    def _teach(self, waiting: Waiting, label: LabelValue, teach: Teach) -> None:
        waiting.label = label
        example, waiting.example = waiting.example, None
        teach(example, label)

    def _advance(self, time: int, teach: Teach) -> None:
        if self.clock is None or time > self.clock:
            self.clock = time
            self._close(teach)
            self._forget()

    def _close(self, teach: Teach) -> None:
        """Close the examples that the clock has passed, in the order of their time."""
        closing, clock = self._closing, self.clock
        while closing and clock is not None and closing[0][0] < clock:
            closes, _, key = heapq.heappop(closing)
            of_key = self._waiting[key]
            waiting = next(w for w in of_key if w.time + self.within_us == closes)
            of_key.remove(waiting)
            if not of_key:
                del self._waiting[key]
            if waiting.label is not None:
                continue
            if self.missing is None:
                self.counts["unlabelled"] += 1
            else:
                self.counts["missing"] += 1
                self._teach(waiting, self.missing, teach)

    def _forget(self) -> None:
        """Forget labels whose example can no longer be in time; those that nobody took came too late."""
        forgetting, clock = self._forgetting, self.clock
        while forgetting and clock is not None and forgetting[0][0] < clock:
            forgets, _, key = heapq.heappop(forgetting)
            remembered = self._remembered.get(key)
            if remembered is not None and remembered[0] + self.within_us == forgets:
                self.counts["late"] += not remembered[2]
                del self._remembered[key]
