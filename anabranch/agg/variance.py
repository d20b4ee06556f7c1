"""variance: how widely the values are spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum, inf, isfinite, sqrt
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import Judgement, close, equal
from anabranch.agg.total import finite_sql
from anabranch.events import Order
from anabranch.field import Kind

LARGEST = 1e150
"""Beyond this a square is no float any more: the variance is then None, whatever the other values are."""


class variance(Aggregate):
    """The variance of a field, in the square of its unit; None where it has too few values.

    The state is the count, the mean and the sum of squared distances from the mean. Adding is Welford's update,
    merging the pairwise update of Chan, Golub and LeVeque (*Updating formulae and a pairwise algorithm for computing
    sample variances*, 1979, eq. 2.1): no difference of two large sums, so nothing cancels. However the log is cut it
    agrees to 1e-9, as long as the values' spread is not less than a millionth of their size.

    Parameters
    ----------
    sample
        False: the variance of exactly these values (divide by n). True: the unbiased estimate of the variance of
        what they are a sample of (divide by n - 1; needs two values).

    >>> agg = variance("minutes")
    >>> agg.present(agg.merge(agg.add(agg.zero(), 1.0, (0, 0, 0)), agg.add(agg.zero(), 3.0, (0, 0, 1))))
    1.0
    """

    kinds = frozenset[Kind]({"integer", "number", "boolean"})
    wants = "a number"

    def __init__(self, field: str, *, sample: bool = False, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)
        self.sample = sample

    @property
    def parameters(self) -> tuple[object, ...]:
        return (self.sample,)

    def zero(self) -> list[Any]:
        return [0, 0.0, 0.0]

    def add(self, state: list[Any], value: float, order: Order) -> list[Any]:
        self.fold(0, [[state]], [value], [order])
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                state = tile[slot]
                n, mean, squares = state
                state[0] = n = n + 1
                if not -LARGEST <= value <= LARGEST:
                    state[2] = inf
                    continue
                distance = value - mean
                state[1] = mean = mean + distance / n
                state[2] = squares + distance * (value - mean)

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        mine, theirs = state[0], other[0]
        if not theirs:
            return state
        n = mine + theirs
        distance = other[1] - state[1]
        state[0] = n
        state[1] += distance * (theirs / n)
        state[2] += other[2] + distance * distance * (mine * theirs / n)
        return state

    def copied(self, state: list[Any]) -> list[Any]:
        return state.copy()

    def present(self, state: list[Any]) -> float | None:
        divisor = state[0] - 1 if self.sample else state[0]
        return state[2] / divisor if divisor > 0 and isfinite(state[2]) else None

    @property
    def columns(self) -> tuple[Column, ...]:
        return Column("n", "BIGINT"), Column("mean", "DOUBLE"), Column("squares", "DOUBLE")

    def pack(self, state: list[Any]) -> tuple[Any, ...]:
        return tuple(state)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return list(packed)

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        number = f"({value})::{'BIGINT::DOUBLE' if self.kind == 'boolean' else 'DOUBLE'}"
        small = f"FILTER (WHERE abs({number}) <= {LARGEST!r})"
        return (
            f"count({value})",
            f"coalesce(favg({number}) {small}, 0.0)",
            f"CASE WHEN max(abs({number})) > {LARGEST!r} THEN 'inf'::DOUBLE"
            f" ELSE coalesce(var_pop({number}) {small} * count({value}), 0.0) END",
        )

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        n, mean, squares = columns
        # Chan's update of many parts at once: squares within the parts, and of the parts' means around the joint mean
        joint = f"coalesce(fsum({n} * {mean}) / nullif(sum({n}), 0), 0.0)"
        parts = f"list(struct_pack(n := {n}, mean := {mean}))"
        between = f"list_transform({parts}, lambda part: part.n * pow(part.mean - {joint}, 2))"
        return (
            f"coalesce(sum({n}), 0)::BIGINT",
            joint,
            f"coalesce(sum({squares}) + list_sum({between}), 0.0)",
        )

    @property
    def sql_type(self) -> str:
        return "DOUBLE"

    def present_sql(self, columns: Sequence[str]) -> str:
        n, _, squares = columns
        return f"{finite_sql(squares)} / nullif(greatest({n} - {int(self.sample)}, 0), 0)"

    def reference(self, evidence: Sequence[float] | None) -> float | None:
        values = evidence or ()
        divisor = len(values) - self.sample
        if divisor <= 0 or any(abs(value) > LARGEST for value in values):
            return None
        middle = fsum(values) / len(values)
        return fsum((value - middle) ** 2 for value in values) / divisor

    def judge(self, evidence: Sequence[float] | None, found: Any) -> Judgement:
        expected = self.reference(evidence)
        if expected is None or not evidence:
            return equal(expected, found)
        size = abs(fsum(evidence) / len(evidence))
        # a spread of less than a millionth of the values' size drowns in their own rounding
        return close(expected, found, max(expected, sqrt(expected) * size * 1e-6, (size * 1e-13) ** 2))
