"""last: the value of the latest event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.agg.first import Placed, first, merged_sql, placed_sql
from anabranch.events import Order


class last(first):
    """The value of a field in the latest event that has one; None where none has.

    Latest by event time and, among events of one instant, by the place in the log: an event that arrives late does
    not replace a newer one.

    >>> agg = last("station")
    >>> late, early = agg.add(agg.zero(), "late", (9, 0, 0)), agg.add(agg.zero(), "early", (2, 0, 1))
    >>> agg.present(agg.merge(late, early))
    'late'
    """

    def add(self, state: Placed, value: Any, order: Order) -> Placed:
        return (order, value) if state is None or order > state[0] else state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        for tile, value, order in zip(tiles, values, orders, strict=True):
            if value is not None:
                state = tile[slot]
                if state is None or order > state[0]:
                    tile[slot] = (order, value)

    def merge(self, state: Placed, other: Placed) -> Placed:
        return state if other is None or (state is not None and state[0] >= other[0]) else other

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return placed_sql("max", value, order, f"({value}) IS NOT NULL")

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return merged_sql("max", columns)

    def evidence_sql(self, value: str, order: str) -> str:
        return f"arg_max({value}, {order}) FILTER ({value} IS NOT NULL)"
