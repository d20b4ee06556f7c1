"""What ``anabranch status`` reads from the metrics of a service."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import Metric

_VIEW_FIGURES = {
    "keys": ("anabranch_view_keys", {}),
    "tiles": ("anabranch_view_tiles", {"layer": "speed"}),
    "batch_tiles": ("anabranch_view_tiles", {"layer": "batch"}),
    "epoch_bytes": ("anabranch_epoch_bytes", {}),
    "failures": ("anabranch_view_failures", {"layer": "speed"}),
    "batch_failures": ("anabranch_view_failures", {"layer": "batch"}),
}


class Figures:
    """The metrics of one scrape.

    Parameters
    ----------
    families
        By name; counters without ``_total``.
    taken
        When, by a clock that only goes on, in seconds.
    """

    def __init__(self, families: Mapping[str, Metric], taken: float | None = None):
        self._families = families
        self._taken = time.monotonic() if taken is None else taken

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a gauge or a counter; None: it is not told."""
        for sample in self._samples(name):
            if sample.name in (name, f"{name}_total") and labels.items() <= sample.labels.items():
                return float(sample.value)
        return None

    def rate_since(self, earlier: Figures, name: str) -> float | None:
        """How much a counter grows a second; None if the service was started meanwhile."""
        before, now = earlier.value(name), self.value(name)
        seconds = self._taken - earlier._taken
        if before is None or now is None or now < before or seconds <= 0:
            return None
        return round((now - before) / seconds, 3)

    def views(self) -> dict[str, dict[str, int | None]]:
        """What is known of each view: see `_VIEW_FIGURES`."""
        views = [sample.labels["view"] for sample in self._samples("anabranch_view_keys")]
        return {
            view: {
                figure: None if (value := self.value(name, view=view, **labels)) is None else int(value)
                for figure, (name, labels) in _VIEW_FIGURES.items()
            }
            for view in views
        }

    def predict(self) -> dict[str, dict[str, Any]]:
        """How many requests for predictions each model answered since the start, and how quickly."""
        buckets: dict[str, list[tuple[float, float]]] = {}
        for sample in self._samples("anabranch_predict_seconds"):
            if sample.name.endswith("_bucket"):
                buckets.setdefault(sample.labels["model"], []).append((float(sample.labels["le"]), sample.value))
        return {
            model: {
                "count": int(found[-1][1]),
                "p50_seconds": quantile(found, 0.5),
                "p99_seconds": quantile(found, 0.99),
            }
            for model, found in buckets.items()
        }

    def _samples(self, name: str) -> list[Any]:
        family = self._families.get(name)
        return [] if family is None else family.samples


def quantile(buckets: list[tuple[float, float]], q: float) -> float | None:
    """The quantile of a histogram as Prometheus' histogram_quantile estimates it: evenly spread within a bucket.

    Parameters
    ----------
    buckets
        (upper bound, how many are no larger), ascending; the last bound is infinite.

    >>> quantile([(1.0, 50), (2.0, 100), (math.inf, 100)], 0.75)
    1.5
    """
    total = buckets[-1][1]
    if not total:
        return None
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= q * total:
            if math.isinf(bound):
                return low
            return round(low + (bound - low) * (q * total - below) / (count - below), 6)
        low, below = bound, count
    return low
