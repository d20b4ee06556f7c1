"""All losses and slopes of one example at once: `anabranch.metric.loss` and `speed.blend.slope`, in one pass.

This is hot: it runs once an event, for all experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from typing import Any

from anabranch.metric import Metric, likelihood

Measure = Callable[[Mapping[str, Any], Any, Any], tuple[dict[str, float], dict[str, float], float]]
"""``(parts, blended, label) -> (loss of each part, slope of each part, loss of the blend)``."""


def measure_of(metric: Metric) -> Measure:
    """The measure of a metric. To the bit, it is what `loss` and `slope` say of each part; a law holds it to them.

    >>> measure_of("squared_error")({"batch": 3.0, "speed": 7.0}, 4.0, 5.0)
    ({'batch': 4.0, 'speed': 4.0}, {'batch': -6.0, 'speed': -14.0}, 1.0)
    """
    return _MEASURES[metric]


def _squared(parts: Mapping[str, Any], blended: Any, label: Any) -> tuple[dict[str, float], dict[str, float], float]:
    error = blended - label
    twice = 2.0 * error
    errors = {name: part - label for name, part in parts.items()}
    losses = {name: of_part * of_part for name, of_part in errors.items()}  # a power would raise where this is infinite
    return losses, {name: twice * part for name, part in parts.items()}, error * error


def _absolute(parts: Mapping[str, Any], blended: Any, label: Any) -> tuple[dict[str, float], dict[str, float], float]:
    sign = float((blended > label) - (blended < label))
    losses = {name: abs(part - label) for name, part in parts.items()}
    return losses, {name: sign * part for name, part in parts.items()}, abs(blended - label)


def _log(parts: Mapping[str, Any], blended: Any, label: Any) -> tuple[dict[str, float], dict[str, float], float]:
    own = likelihood(blended, label)
    found = {name: likelihood(part, label) for name, part in parts.items()}
    return {name: -log(p) for name, p in found.items()}, {name: -p / own for name, p in found.items()}, -log(own)


_MEASURES: dict[Metric, Measure] = {"squared_error": _squared, "absolute_error": _absolute, "log_loss": _log}
