"""mean: the arithmetic mean of all values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import Judgement, close, equal, exact_sum, magnitude
from anabranch.agg.total import total_of
from anabranch.events import Order
from anabranch.field import Field, Kind


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
        self._total = total_of(self.kind)

    def bind(self, place: str, field: Field | None, location: str | None) -> Self:
        bound = super().bind(place, field, location)
        bound._total = total_of(bound.kind)
        return bound

    def zero(self) -> list[Any]:
        return [*self._total.zero(), 0]

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        self._total.add(state, value)
        state[-1] += 1
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        self._total.fold_counting(slot, tiles, values)

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        self._total.merge(state, other)
        state[-1] += other[-1]
        return state

    def copied(self, state: list[Any]) -> list[Any]:
        return state.copy()

    def present(self, state: list[Any]) -> float | None:
        total = self._total.value(state)
        return None if total is None or not state[-1] else total / state[-1]

    def present_merged(self, state: list[Any], other: list[Any]) -> float | None:
        n = state[-1] + other[-1]
        total = self._total.merged_value(state, other) if n else None
        return None if total is None else total / n

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("n", "BIGINT"), *self._total.columns)

    def pack(self, state: list[Any]) -> tuple[Any, ...]:
        return (state[-1], *self._total.pack(state))

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [*self._total.unpack(packed[1:]), packed[0]]

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return (f"count({value})", *self._total.fold_sql(value))

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (f"coalesce(sum({columns[0]}), 0)::BIGINT", *self._total.merge_sql(columns[1:]))

    @property
    def sql_type(self) -> str:
        return "DOUBLE"

    def present_sql(self, columns: Sequence[str]) -> str:
        n, *total = columns
        value = self._total.value_sql(total)
        return f"{value} / nullif({n}, 0)" if self.kind == "number" else _whole_mean_sql(value, n)

    def reference(self, evidence: Sequence[Any] | None) -> float | None:
        if not evidence:
            return None
        total = exact_sum(evidence) if self.kind == "number" else sum(evidence)
        return None if total is None else total / len(evidence)

    def judge(self, evidence: Sequence[Any] | None, found: Any) -> Judgement:
        expected = self.reference(evidence)
        return close(expected, found, magnitude(evidence) / len(evidence)) if evidence else equal(expected, found)


def _whole_mean_sql(total: str, n: str) -> str:
    """SQL of ``total / n`` of whole numbers as Python divides them: rounded once, to the nearest float; NULL if n is 0.

    A total beyond 2**53 would be rounded before it is divided. So its quotient is written down, with enough digits to
    tell on which side of the middle between two floats it lies (for n up to 2**29): DuckDB reads text to the nearest.
    """
    rest = f"(abs({total}) % {n} * {10**18})"
    sign = f"CASE WHEN {total} < 0 THEN '-' ELSE '' END"
    digits = f"lpad(({rest} // {n})::VARCHAR, 18, '0') || CASE WHEN {rest} % {n} = 0 THEN '' ELSE '1' END"
    return (
        f"CASE WHEN {n} = 0 THEN NULL WHEN abs({total}) <= {2**53} THEN {total}::DOUBLE / {n}"
        f" ELSE ({sign} || (abs({total}) // {n})::VARCHAR || '.' || {digits})::DOUBLE END"
    )
