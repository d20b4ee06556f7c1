"""sum: of all values."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any, Self

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import Judgement, close, equal, exact_sum, magnitude
from anabranch.agg.total import total_of
from anabranch.events import Order
from anabranch.field import Field, Kind


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
        self._total = total_of(self.kind)

    def bind(self, place: str, field: Field | None, location: str | None) -> Self:
        bound = super().bind(place, field, location)
        bound._total = total_of(bound.kind)
        return bound

    def zero(self) -> list[Any]:
        return self._total.zero()

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        self._total.add(state, value)
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        self._total.fold(slot, tiles, values)

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        self._total.merge(state, other)
        return state

    def copied(self, state: list[Any]) -> list[Any]:
        return state.copy()

    def present(self, state: list[Any]) -> int | float | None:
        value: int | float | None = self._total.value(state)
        return value

    def present_merged(self, state: list[Any], other: list[Any]) -> int | float | None:
        value: int | float | None = self._total.merged_value(state, other)
        return value

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._total.columns

    def pack(self, state: list[Any]) -> tuple[Any, ...]:
        return self._total.pack(state)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return self._total.unpack(packed)

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return self._total.fold_sql(value)

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return self._total.merge_sql(columns)

    @property
    def sql_type(self) -> str:
        return "DOUBLE" if self.kind == "number" else "BIGINT"

    def present_sql(self, columns: Sequence[str]) -> str:
        total = self._total.value_sql(columns)
        # a sum of more than 64 bits is NULL here; the packed columns have it
        return total if self.kind == "number" else f"try_cast({total} AS BIGINT)"

    def reference(self, evidence: Sequence[Any] | None) -> int | float | None:
        values = evidence or ()
        return exact_sum(values) if self.kind == "number" else builtins.sum(values)

    def judge(self, evidence: Sequence[Any] | None, found: Any) -> Judgement:
        expected = self.reference(evidence)
        return close(expected, found, magnitude(evidence or ())) if self.kind == "number" else equal(expected, found)
