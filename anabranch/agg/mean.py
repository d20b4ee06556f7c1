"""mean: the arithmetic mean of all values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.total import total_of
from anabranch.events import Order
from anabranch.field import Kind


class mean(Aggregate):
    """The arithmetic mean of a field; None where it has no value.

    Its state is the sum (see `sum` for how exact it is) and the count, never a mean.

    >>> agg = mean("bikes")
    >>> agg.present(agg.merge(agg.add(agg.zero(), 1, (0, 0, 0)), agg.add(agg.zero(), 2, (0, 0, 1))))
    1.5
    """

    kinds = frozenset[Kind]({"integer", "number", "boolean"})
    wants = "a number"

    def __init__(self, field: str, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)

    def zero(self) -> list[Any]:
        return [*total_of(self.kind).zero(), 0]

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        if self.kind != "number":
            state[0] += value
            state[1] += 1
            return state
        high = state[0]  # CompensatedTotal.add, in line
        total = high + value
        part = total - high
        state[0] = total
        state[1] += (high - (total - part)) + (value - part)
        state[2] += 1
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        if self.kind != "number":
            for tile, value in zip(tiles, values, strict=True):
                if value is not None:
                    state = tile[slot]
                    state[0] += value
                    state[1] += 1
            return
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:  # CompensatedTotal.add, in line
                state = tile[slot]
                high, low, n = state
                total = high + value
                part = total - high
                state[0] = total
                state[1] = low + ((high - (total - part)) + (value - part))
                state[2] = n + 1

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        if self.kind != "number":
            state[0] += other[0]
            state[1] += other[1]
            return state
        high, value = state[0], other[0]  # CompensatedTotal.merge, in line
        total = high + value
        part = total - high
        state[0] = total
        state[1] += (high - (total - part)) + (value - part)
        state[1] += other[1]
        state[2] += other[2]
        return state

    def present(self, state: list[Any]) -> float | None:
        total = total_of(self.kind).value(state)
        return None if total is None or not state[-1] else total / state[-1]

    def present_merged(self, state: list[Any], other: list[Any]) -> float | None:
        n = state[-1] + other[-1]
        if not n:
            return None
        if self.kind != "number":
            mean: float = (state[0] + other[0]) / n
            return mean
        high, value = state[0], other[0]  # CompensatedTotal.merge, in line
        total = high + value
        part = total - high
        total += state[1] + ((high - (total - part)) + (value - part)) + other[1]
        return total / n if total - total == 0.0 else None

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("n", "BIGINT"), *total_of(self.kind).columns)

    def pack(self, state: list[Any]) -> tuple[Any, ...]:
        return (state[-1], *total_of(self.kind).pack(state))

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [*total_of(self.kind).unpack(packed[1:]), packed[0]]

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return (f"count({value})", *total_of(self.kind).fold_sql(value))

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (f"coalesce(sum({columns[0]}), 0)::BIGINT", *total_of(self.kind).merge_sql(columns[1:]))
