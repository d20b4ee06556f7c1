"""Prequential scores: what every expert and the blend lost, on examples they had not learnt from (Dawid 1984)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from anabranch.instant import iso

WINDOW = 1_000
"""Examples in the sliding window of `recent`."""
POINTS = 240
"""Points of the time series at most. When there are more, neighbours become one."""
BLEND = "blend"
"""How the blend is called among the scores."""


class Scores:
    """Mean losses since the start, over a sliding window, and as a time series of bounded length.

    Everything in it is plain data, and depends only on the losses and their order.
    """

    def __init__(self) -> None:
        self.experts: tuple[str, ...] = ()
        self.totals: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.recent: deque[tuple[tuple[str, ...], tuple[float, ...]]] = deque(maxlen=WINDOW)
        self.points: list[dict[str, Any]] = []
        self.examples_a_point = 16
        self._sums: list[float] = []
        self._pending = 0
        self._begun = 0

    def add(self, experts: tuple[str, ...], losses: tuple[float, ...], time: int) -> None:
        """Score one example.

        Parameters
        ----------
        experts
            Who predicted it, the blend last. Always the same object while the experts stay the same.
        losses
            What each lost.
        time
            Its event time, in microseconds.
        """
        if experts != self.experts:
            self._close_point()
            self.experts = experts
            self._sums = [0.0] * len(experts)
        if not self._pending:
            self._begun = time
        self.recent.append((self.experts, losses))
        sums = self._sums
        for slot, loss in enumerate(losses):
            sums[slot] += loss
        self._pending += 1

    def is_due(self) -> bool:
        """Whether enough examples came for another point of the series."""
        return self._pending >= self.examples_a_point

    def close_point(self, weights: Mapping[str, float], version: int | None, offset: int | None = None) -> None:
        """End a point of the series here.

        Parameters
        ----------
        weights, version
            The weights of the blend and the champion at this moment.
        offset
            The record of the log that is its last.
        """
        self._close_point(weights, version, offset)
        if len(self.points) > POINTS:
            self.points = [_joined(self.points[at : at + 2]) for at in range(0, len(self.points), 2)]
            self.examples_a_point *= 2

    def report(self) -> dict[str, dict[str, float | int | None]]:
        """By expert, and for the blend: mean loss, that over the window, and the number of examples."""
        pending = dict(zip(self.experts, self._sums, strict=True))
        found: dict[str, dict[str, float | int | None]] = {}
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        for experts, group in groupby(self.recent, key=itemgetter(0)):  # column by column: the fold waits meanwhile
            for expert, column in zip(experts, zip(*(losses for _, losses in group), strict=True), strict=True):
                sums[expert] = sums.get(expert, 0.0) + sum(column)
                counts[expert] = counts.get(expert, 0) + len(column)
        for expert in dict.fromkeys((*self.totals, *self.experts)):
            n = self.counts.get(expert, 0) + (self._pending if expert in pending else 0)
            found[expert] = {
                "loss": (self.totals.get(expert, 0.0) + pending.get(expert, 0.0)) / n if n else None,
                "recent": sums[expert] / counts[expert] if counts.get(expert) else None,
                "count": n,
            }
        return found

    def series(self) -> list[dict[str, Any]]:
        """The points: from when, up to where, of how many examples, the mean loss by expert, the weights at the end."""
        return [
            {
                "time": iso(point["time"]),
                "at": None if point.get("offset") is None else f"0:{point['offset']}",
                "count": point["count"],
                "loss": {expert: total / point["count"] for expert, total in point["sums"].items()},
                "weights": point["weights"],
                "version": point["version"],
            }
            for point in self.points
        ]

    def _close_point(
        self, weights: Mapping[str, float] | None = None, version: int | None = None, offset: int | None = None
    ) -> None:
        if not self._pending:
            return
        for expert, total in zip(self.experts, self._sums, strict=True):
            self.totals[expert] = self.totals.get(expert, 0.0) + total
            self.counts[expert] = self.counts.get(expert, 0) + self._pending
        point = {
            "time": self._begun,
            "count": self._pending,
            "sums": dict(zip(self.experts, self._sums, strict=True)),
            "weights": dict(weights or {}),
            "version": version,
            "offset": offset,
        }
        self.points.append(point)
        self._sums = [0.0] * len(self.experts)
        self._pending = 0


def _joined(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Neighbours as one point; experts that only one of them has are left out, as their means would not compare."""
    if len(points) == 1 or points[0]["sums"].keys() != points[1]["sums"].keys():
        return points[-1]
    first, second = points
    return {
        **second,
        "time": first["time"],
        "count": first["count"] + second["count"],
        "sums": {expert: total + second["sums"][expert] for expert, total in first["sums"].items()},
    }
