"""How long something takes, counted in buckets: what a histogram of Prometheus is made of, without needing it here."""

from __future__ import annotations

from bisect import bisect_left

_BOUNDS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class LatencyBuckets:
    """Counts durations. One thread observes; any may read, and misses the newest at most.

    Attributes
    ----------
    failures
        How often it came to nothing; these have no duration.

    >>> latencies = LatencyBuckets((0.1, 1.0))
    >>> for seconds in (0.05, 0.1, 0.5, 7.0):
    ...     latencies.observe(seconds)
    >>> latencies.cumulative(), round(latencies.total_seconds, 3)
    ([('0.1', 2), ('1.0', 3), ('+Inf', 4)], 7.65)
    """

    def __init__(self, bounds_seconds: tuple[float, ...] = _BOUNDS_SECONDS):
        self.failures = 0
        self.total_seconds = 0.0
        self._bounds = bounds_seconds
        self._counts = [0] * (len(bounds_seconds) + 1)

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.total_seconds += seconds

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound in seconds, how many took no longer) of each bucket; the last one has them all."""
        counts = []
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), list(self._counts), strict=True):
            total += count
            counts.append((bound, total))
        return counts
