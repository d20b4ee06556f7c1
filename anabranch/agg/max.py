"""max: the largest value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import shown
from anabranch.agg.plain import ANSWER_TYPE_BY_KIND, SQL_TYPE_BY_KIND, answer_sql, presented, restored
from anabranch.events import Order


class max(Aggregate):
    """The largest value of a field: the greatest number, the latest instant, the last text by code point.

    None where it has no value. A boolean counts false before true.

    >>> agg = max("minutes")
    >>> agg.present(agg.merge(agg.add(agg.zero(), 7, (0, 0, 0)), agg.add(agg.zero(), 3, (0, 0, 1))))
    7
    """

    def __init__(self, field: str, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)

    immutable = True

    def zero(self) -> None:
        return None

    def add(self, state: Any, value: Any, order: Order) -> Any:
        return value if state is None or value > state else state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                state = tile[slot]
                if state is None or value > state:
                    tile[slot] = value

    def merge(self, state: Any, other: Any) -> Any:
        return state if other is None or (state is not None and state >= other) else other

    def present(self, state: Any) -> Any:
        return presented(self.kind, state)

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("value", SQL_TYPE_BY_KIND[self.kind]),)

    def pack(self, state: Any) -> tuple[Any]:
        return (state,)

    def unpack(self, packed: Sequence[Any]) -> Any:
        return restored(self.kind, packed[0])

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return (f"max({value})",)

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (f"max({columns[0]})",)

    @property
    def sql_type(self) -> str:
        return ANSWER_TYPE_BY_KIND[self.kind]

    def present_sql(self, columns: Sequence[str]) -> str:
        return answer_sql(self.kind, columns[0])

    def evidence_sql(self, value: str, order: str) -> str:
        return f"max({value})"

    def reference(self, evidence: Any) -> Any:
        return shown(self.kind, evidence)
