"""The join of examples with labels that arrive later in another stream.

====================  =========================================================================================
a label that comes    does
====================  =========================================================================================
on time               teaches each example of its key that waits for one
early                 is remembered, and teaches its example when that comes; of several, the newest that is in time
again                 nothing: a duplicate if it says what the one before said, else a correction, which the batch layer
                      learns
late                  nothing: it is more than `within` away from the example, or the example was closed
never                 `missing` teaches the example when the clock closes it; without `missing` nobody learns
====================  =========================================================================================

What is in time and when an example is closed, `anabranch.label.Label` says. The join remembers an example until the
clock closes it, and a label until no open example can come that it belongs to. So memory is bounded by the events of
two spans of `within`.
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


@dataclass(slots=True, eq=False)
class Waiting:
    """An example that is not closed yet. `label` is the newest that is in time; None: there was none yet."""

    time: int
    example: Any
    label: LabelValue | None = None


@dataclass(slots=True, eq=False)
class Remembered:
    """A label whose example may still come. `taken`: it belonged to one already."""

    time: int
    label: LabelValue
    taken: bool


class LabelJoin:
    """See above. It is plain data, but for the examples that wait and the definition, which no checkpoint keeps.

    Parameters
    ----------
    definition
        The rule; whoever restores a join gives it anew.
    """

    def __init__(self, definition: Label):
        self.definition = definition
        self.clock: int | None = None
        self.counts = dict.fromkeys(COUNTED, 0)
        self._waiting: dict[str, list[Waiting]] = {}
        self._pending = 0  # of these, how many have no label: it is asked for while the fold stands still
        self._closing: list[tuple[int, int, str]] = []  # (time after which it closes, number, key): a heap
        self._remembered: dict[str, list[Remembered]] = {}  # by key, in the order of the log; one a time
        self._forgetting: list[tuple[int, int, str]] = []
        self._number = 0

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "definition"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "within_us" in state:  # of a release that remembered one label a key, and not for long enough
            within_us = state["within_us"]
            state = {name: value for name, value in state.items() if name not in ("within_us", "missing")}
            state["_remembered"] = {key: [Remembered(*label)] for key, label in state["_remembered"].items()}
            state["_forgetting"] = [(time + within_us, *rest) for time, *rest in state["_forgetting"]]
        vars(self).update(state)
        if "_pending" not in state:  # of a release that counted them whenever it was asked
            self._pending = sum(waiting.label is None for of_key in self._waiting.values() for waiting in of_key)

    @property
    def pending(self) -> int:
        """How many examples wait for a label."""
        return self._pending

    def example(self, key: str | None, time: int, example: Any, teach: Teach) -> None:
        """An example has come. `example` is what is handed to `teach`."""
        self.advance(time, teach)
        if key is None:
            self.counts["unlabelled"] += 1
            return
        waiting = Waiting(time, example)
        self._pending += 1
        early = self._early(key, time)
        if early is not None:
            self.counts["early"] += 1
            early.taken = True
            self._teach(waiting, early.label, teach)
        self._number += 1
        self._waiting.setdefault(key, []).append(waiting)
        heapq.heappush(self._closing, (self.definition.closes_us(time), self._number, key))
        self._close(teach)

    def label(self, key: str | None, time: int, label: LabelValue | None, teach: Teach) -> None:
        """A label has come."""
        self.advance(time, teach)
        if key is None or label is None:
            return
        taken = False
        for waiting in self._waiting.get(key, ()):
            if not self.definition.is_in_time(waiting.time, time):
                continue
            taken = True
            if waiting.label is None:
                self.counts["joined"] += 1
                self._teach(waiting, label, teach)
            else:
                self.counts["duplicate" if waiting.label == label else "corrected"] += 1
                waiting.label = label
        self._remember(key, Remembered(time, label, taken))
        self._forget()

    def advance(self, time: int, teach: Teach) -> None:
        """An event of one of the streams has come, be it an example, a label, or neither: the clock goes on."""
        if self.clock is None or time > self.clock:
            self.clock = time
            self._close(teach)
            self._forget()

    def report(self) -> dict[str, int]:
        """How many examples wait, and what became of the others."""
        return {"pending": self.pending, **self.counts}

    def _teach(self, waiting: Waiting, label: LabelValue, teach: Teach) -> None:
        waiting.label = label
        self._pending -= 1  # before it is taught, which may raise
        example, waiting.example = waiting.example, None
        teach(example, label)

    def _early(self, key: str, time: int) -> Remembered | None:
        """The label that counts for an example which comes after it."""
        remembered = self._remembered.get(key, ())
        return next((r for r in reversed(remembered) if self.definition.is_in_time(time, r.time)), None)

    def _remember(self, key: str, label: Remembered) -> None:
        """Keep a label for examples that come later. One of the same time before it counts for none of them."""
        others = [r for r in self._remembered.get(key, ()) if r.time != label.time]
        self._remembered[key] = [*others, label]
        self._number += 1
        heapq.heappush(self._forgetting, (self.definition.forgotten_us(label.time), self._number, key))

    def _close(self, teach: Teach) -> None:
        """Close the examples that the clock has passed, in the order of their time."""
        closing, clock = self._closing, self.clock
        while closing and clock is not None and closing[0][0] < clock:
            closes, _, key = heapq.heappop(closing)
            of_key = self._waiting[key]
            waiting = next(w for w in of_key if self.definition.closes_us(w.time) == closes)
            of_key.remove(waiting)
            if not of_key:
                del self._waiting[key]
            if waiting.label is not None:
                continue
            if self.definition.missing is None:
                self._pending -= 1
                self.counts["unlabelled"] += 1
            else:
                self.counts["missing"] += 1
                self._teach(waiting, self.definition.missing, teach)

    def _forget(self) -> None:
        """Forget labels whose example can no longer be in time; those that nobody took came too late."""
        forgetting, clock = self._forgetting, self.clock
        while forgetting and clock is not None and forgetting[0][0] < clock:
            forgets, _, key = heapq.heappop(forgetting)
            kept = []
            for remembered in self._remembered.get(key, ()):
                if self.definition.forgotten_us(remembered.time) == forgets:
                    self.counts["late"] += not remembered.taken
                else:
                    kept.append(remembered)
            if kept:
                self._remembered[key] = kept
            else:
                self._remembered.pop(key, None)
