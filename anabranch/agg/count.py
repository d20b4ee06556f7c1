"""count: how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.events import Order
from anabranch.field import Kind


class count(Aggregate):
    """The number of events, or of those in which `field` has a value.

    >>> agg = count()
    >>> agg.present(agg.merge(agg.add(agg.zero(), 1, (0, 0, 0)), agg.zero()))
    1
    """

    kinds = frozenset[Kind]({"integer", "number", "boolean", "text", "instant", "other"})

    fieldless = True
    immutable = True

    def zero(self) -> int:
        return 0

    def add(self, state: int, value: object, order: Order) -> int:
        return state + 1

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                tile[slot] += 1

    def merge(self, state: int, other: int) -> int:
        return state + other

    def present(self, state: int) -> int:
        return state

    def present_merged(self, state: int, other: int) -> int:
        return state + other

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("n", "BIGINT"),)

    def pack(self, state: int) -> tuple[int]:
        return (state,)

    def unpack(self, packed: Sequence[int]) -> int:
        return packed[0]

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return (f"count({value})",)

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (f"sum({columns[0]})::BIGINT",)

    @property
    def sql_type(self) -> str:
        return "BIGINT"

    def present_sql(self, columns: Sequence[str]) -> str:
        return columns[0]

    def evidence_sql(self, value: str, order: str) -> str:
        return f"count({value})"

    def reference(self, evidence: int) -> int:
        return evidence
