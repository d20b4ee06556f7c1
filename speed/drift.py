"""Drift: whether the blend has become worse than it was."""

from __future__ import annotations

from math import sqrt
from typing import Any

from river import drift

from anabranch.model import Metric
from speed.blend.loss import LEAST, loss

DELTA = 1e-4
"""How probable a false alarm may be at a comparison, in ADWIN's bound."""
WARM_UP = 200
"""Examples of which nothing is concluded: every learner is bad in the beginning."""


class Drift:
    """River's ADWIN (Bifet and Gavaldà 2007) on the loss of the blend; only a loss that grows is an alarm.

    The bound of ADWIN is for values between 0 and 1: errors of a regression are taken as a share of the range of
    labels, a log loss as a share of the largest there is.
    """

    def __init__(self, metric: Metric):
        self._metric = metric
        self._detector: Any = drift.ADWIN(delta=DELTA)  # type: ignore[no-untyped-call]
        self._count = 0

    def update(self, blend_loss: float, label_range: float) -> bool:
        """Whether there is an alarm, after one more loss."""
        self._count += 1
        before = self._detector.estimation
        self._detector.update(self._share(blend_loss, label_range))
        return bool(self._detector.drift_detected and self._count > WARM_UP and self._detector.estimation > before)

    def _share(self, value: float, label_range: float) -> float:
        if self._metric == "log_loss":
            return min(1.0, value / _WORST)
        error = sqrt(value) if self._metric == "squared_error" else value
        return min(1.0, error / label_range) if label_range > 0.0 else 0.0


_WORST = loss("log_loss", {True: LEAST}, True)
