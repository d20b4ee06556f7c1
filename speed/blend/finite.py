"""finite: losses that arithmetic can bear."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

LARGEST = 1e100
"""Beyond this a loss is as good as infinite: its square must stay a float."""

SMALLEST = 1e-100
"""Below this a difference of losses is none: what is divided by it must stay a float."""


def finite(losses: Mapping[str, float]) -> Mapping[str, float]:
    """The same losses without those that are not finite, and none larger than `LARGEST`.

    >>> finite({"batch": 1.0, "speed": 1e300, "other": float("nan")})
    {'batch': 1.0, 'speed': 1e+100}
    """
    for loss in losses.values():
        if not -LARGEST < loss < LARGEST:
            return {expert: max(-LARGEST, min(LARGEST, loss)) for expert, loss in losses.items() if isfinite(loss)}
    return losses
