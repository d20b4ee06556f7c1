"""Drift: whether the blend has become worse than it was."""

from __future__ import annotations

from math import sqrt
from typing import Any

from river import drift

from anabranch.model import Metric

DELTA = 1e-6
"""How probable a false alarm may be at a comparison, in ADWIN's bound."""
WORSE = 1.5
"""By how much the recent mean must exceed that of long ago: a week-end differs from a week, and needs no alarm."""
WARM_UP = 200
"""Examples of which nothing is concluded: every learner is bad in the beginning."""
LONG_EXAMPLES, RECENT_EXAMPLES = 10_000, 100
"""How many examples the two means look back."""


class Drift:
    """River's ADWIN (Bifet and Gavaldà 2007) on the loss of the blend; only a loss that grows is an alarm.

    The bound of ADWIN is for values between 0 and 1, and a single wild error must not decide. So what it sees of an
    error e is ``e / (e + s)``, s being the mean error of long ago: no unit matters, and the usual error is one half.
    """

    def __init__(self, metric: Metric):
        self._squared = metric == "squared_error"
        self._detector: Any = drift.ADWIN(delta=DELTA)  # type: ignore[no-untyped-call]  # River has no types there
        self._count = 0
        self._usual_error = 0.0
        self._usual_share = 0.0
        self._recent_share = 0.0
        self._suspected = 0

    def update(self, blend_loss: float) -> bool:
        """Whether there is an alarm, after one more loss."""
        error = sqrt(blend_loss) if self._squared else blend_loss
        self._count += 1
        rate = 1.0 / min(self._count, LONG_EXAMPLES)
        self._usual_error += rate * (error - self._usual_error)
        share = error / (error + self._usual_error) if error > 0.0 else 0.0
        self._usual_share += rate * (share - self._usual_share)
        self._recent_share += max(rate, 1.0 / RECENT_EXAMPLES) * (share - self._recent_share)
        detector = self._detector
        detector.update(share)
        # ADWIN notices a change once, often before the recent mean has come all the way: it stays suspected meanwhile
        self._suspected = RECENT_EXAMPLES if detector.drift_detected else max(0, self._suspected - 1)
        worse = self._count > WARM_UP and self._recent_share > WORSE * self._usual_share
        if not self._suspected or not worse:
            return False
        self._suspected = 0
        return True
