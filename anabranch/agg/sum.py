"""sum: of all values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.total import total_of
from anabranch.events import Order
from anabranch.field import Kind


class sum(Aggregate):
    """The sum of a field; 0 where it has no value.

    Whole numbers (and booleans, as 0 and 1) sum exactly, however large: the answer may need more than 64 bits. Floats
    sum with compensation, and agree to 1e-9 of the sum of their magnitudes however the log is cut; a sum beyond the
    range of a float is None.

    >>> agg = sum("bikes")
    >>> agg.present(agg.merge(agg.add(agg.zero(), 2, (0, 0, 0)), agg.add(agg.zero(), 3, (0, 0, 1))))
    5
    """

    kinds = frozenset[Kind]({"integer", "number", "boolean"})
    wants = "a number"

    def __init__(self, field: str, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)

    def zero(self) -> list[Any]:
        return total_of(self.kind).zero()

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        total_of(self.kind).add(state, value)
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        if self.kind != "number":
            for tile, value in zip(tiles, values, strict=True):
                if value is not None:
                    tile[slot][0] += value
            return
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:  # CompensatedTotal.add, in line
                state = tile[slot]
                high = state[0]
                total = high + value
                part = total - high
                state[0] = total
                state[1] += (high - (total - part)) + (value - part)

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        total_of(self.kind).merge(state, other)
        return state

    def present(self, state: list[Any]) -> int | float | None:
        value: int | float | None = total_of(self.kind).value(state)
        return value

    @property
    def columns(self) -> tuple[Column, ...]:
        return total_of(self.kind).columns

    def pack(self, state: list[Any]) -> tuple[Any, ...]:
        return total_of(self.kind).pack(state)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return total_of(self.kind).unpack(packed)

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return total_of(self.kind).fold_sql(value)

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return total_of(self.kind).merge_sql(columns)
