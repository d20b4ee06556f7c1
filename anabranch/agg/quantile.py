"""quantile: the value below which a given share of the values lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, exp, log
from typing import Any

import orjson

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.error_bound import ErrorBound
from anabranch.events import Order
from anabranch.field import Kind

SMALLEST = 1e-300
"""Values nearer to zero than this count as zero."""


class quantile(Aggregate):
    """The `q`-quantile of a field, to a stated relative error; None where it has no value.

    With n values in order, numbered from 0, it estimates the one at ``floor(q * (n - 1))``: 0 is the smallest, 0.5 the
    (lower) median, 1 the largest. The estimate is off by at most `error` times that value. It is a DDSketch (Masson,
    Rim, Lee, *DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees*, VLDB 2019) without
    collapsing: how many values fall into each bucket ``(g**(i-1), g**i]``, ``g = (1 + error) / (1 - error)``. Merging
    adds counts, so it depends on the values alone, not on their order or on how the log was cut.

    Parameters
    ----------
    q
        From 0 to 1.
    error
        The relative error: 0.0001 to 0.5. Memory grows with its inverse: values from 1 to 1,000,000 fill at most 691
        buckets at 0.01.

    >>> agg = quantile("minutes", 0.5)
    >>> abs(agg.present(agg.gathered({4.0: 1, 8.0: 1, 80.0: 1})) - 8) <= 0.01 * 8
    True
    """

    kinds = frozenset[Kind]({"integer", "number"})
    wants = "a number"

    bound: ErrorBound

    def __init__(self, field: str, q: float, error: float = 0.01, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)
        if not _is_number(q) or not 0 <= q <= 1:
            raise self._refusal(f"q={q!r} is not a number from 0 to 1", "For the 90th percentile write 0.9")
        if not _is_number(error) or not 0.0001 <= error <= 0.5:
            raise self._refusal(f"error={error!r} is not a number from 0.0001 to 0.5", "Leave it out for 0.01 (1 %)")
        self.q = q
        self.bound = ErrorBound(error)
        self._log_gamma = log((1 + error) / (1 - error))
        self._buckets_per_log = 1 / self._log_gamma
        # a bucket's number is its exponent, moved so that it is positive for every positive value
        self._shift = ceil(-log(SMALLEST) / self._log_gamma) + 1

    @property
    def parameters(self) -> tuple[object, ...]:
        return (self.q, self.bound.share)

    # The state counts values by bucket number: 0 holds zero, n and -n mirror each other, and numbers are in the order
    # of the values.

    def zero(self) -> dict[int, int]:
        return {}

    def add(self, state: dict[int, int], value: float, order: Order) -> dict[int, int]:
        bucket = self.bucket(value)
        state[bucket] = state.get(bucket, 0) + 1
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        per_log, shift = self._buckets_per_log, self._shift
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                # bucket(), in line
                bucket = ceil(log(value) * per_log) + shift if value >= SMALLEST else self.bucket(value)
                state = tile[slot]
                state[bucket] = state.get(bucket, 0) + 1

    def bucket(self, value: float) -> int:
        """The number of the bucket that a value falls into."""
        if value >= SMALLEST:
            return ceil(log(value) * self._buckets_per_log) + self._shift
        if value <= -SMALLEST:
            return -(ceil(log(-value) * self._buckets_per_log) + self._shift)
        return 0

    def merge(self, state: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        for bucket, count in other.items():
            state[bucket] = state.get(bucket, 0) + count
        return state

    def copied(self, state: dict[int, int]) -> dict[int, int]:
        return state.copy()

    def present(self, state: dict[int, int]) -> float | None:
        if not state:
            return None
        rank = int(self.q * (sum(state.values()) - 1))
        for bucket in sorted(state):
            rank -= state[bucket]
            if rank < 0:
                return self._middle(bucket)
        raise AssertionError("the rank is beyond the last value")

    def _middle(self, bucket: int) -> float:
        """The value with the same relative distance to both ends of a bucket."""
        if bucket == 0:
            return 0.0
        gamma = exp(self._log_gamma)
        # in logarithms: the upper end of the last bucket may be beyond the range of a float
        middle = exp((abs(bucket) - self._shift) * self._log_gamma + log(2 / (1 + gamma)))
        return middle if bucket > 0 else -middle

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: dict[int, int]) -> tuple[bytes]:
        buckets = sorted(state)
        return (orjson.dumps([buckets, [state[bucket] for bucket in buckets]]),)

    def unpack(self, packed: Sequence[Any]) -> dict[int, int]:
        buckets, counts = orjson.loads(packed[0])
        return dict(zip(buckets, counts, strict=True))

    def gather_sql(self, value: str, order: str) -> str:
        # The values themselves: their logarithms might round differently in DuckDB
        return f"coalesce(histogram({value}), MAP {{}})"

    def gathered(self, values: Mapping[Any, int] | Iterable[tuple[Any, int]]) -> dict[int, int]:
        state = self.zero()
        for value, count in dict(values).items():
            bucket = self.bucket(float(value))
            state[bucket] = state.get(bucket, 0) + int(count)
        return state

    @property
    def sql_type(self) -> str:
        return "DOUBLE"

    def reference(self, evidence: Sequence[float] | None) -> float | None:
        return sorted(evidence)[int(self.q * (len(evidence) - 1))] if evidence else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
