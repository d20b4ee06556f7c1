"""Running aggregates by key, as views would answer them."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

HOUR = 3600.0
DAY = 24 * HOUR


class Recent:
    """Count and mean of a value by key over the last seconds before now.

    >>> recent = Recent(10)
    >>> recent.add("a", 0, 4.0)
    >>> recent.mean("a", 5), recent.mean("a", 15), recent.mean("b", 5)
    (4.0, None, None)
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.values_by_key: dict[Any, deque[tuple[float, float]]] = defaultdict(deque)
        self.sum_by_key: dict[Any, float] = defaultdict(float)

    def add(self, key: Any, time: float, value: float) -> None:
        self.values_by_key[key].append((time, value))
        self.sum_by_key[key] += value

    def count(self, key: Any, now: float) -> int:
        values = self.values_by_key[key]
        while values and values[0][0] <= now - self.seconds:
            self.sum_by_key[key] -= values.popleft()[1]
        return len(values)

    def mean(self, key: Any, now: float) -> float | None:
        count = self.count(key, now)
        return self.sum_by_key[key] / count if count else None


class Ever:
    """Count and mean of a value by key since the beginning.

    >>> ever = Ever()
    >>> ever.add("a", 4.0)
    >>> ever.mean("a"), ever.count("a"), ever.mean("b")
    (4.0, 1, None)
    """

    def __init__(self) -> None:
        self.count_by_key: dict[Any, int] = defaultdict(int)
        self.sum_by_key: dict[Any, float] = defaultdict(float)

    def add(self, key: Any, value: float) -> None:
        self.count_by_key[key] += 1
        self.sum_by_key[key] += value

    def count(self, key: Any) -> int:
        return self.count_by_key.get(key, 0)

    def mean(self, key: Any) -> float | None:
        count = self.count(key)
        return self.sum_by_key[key] / count if count else None
