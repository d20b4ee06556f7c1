"""first: the value of the earliest event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import shown
from anabranch.agg.plain import ANSWER_TYPE_BY_KIND, SQL_TYPE_BY_KIND, answer_sql, presented, restored
from anabranch.events import Order

Placed = tuple[Order, Any] | None
"""A value and the place of its event; None where there is no value."""


class first(Aggregate):
    """The value of a field in the earliest event that has one; None where none has.

    Earliest by event time and, among events of one instant, by the place in the log.

    >>> agg = first("station")
    >>> late, early = agg.add(agg.zero(), "late", (9, 0, 0)), agg.add(agg.zero(), "early", (2, 0, 1))
    >>> agg.present(agg.merge(late, early))
    'early'
    """

    ordered = True
    immutable = True

    def __init__(self, field: str, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)

    def zero(self) -> Placed:
        return None

    def add(self, state: Placed, value: Any, order: Order) -> Placed:
        return (order, value) if state is None or order < state[0] else state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        for tile, value, order in zip(tiles, values, orders, strict=True):
            if value is not None:
                state = tile[slot]
                if state is None or order < state[0]:
                    tile[slot] = (order, value)

    def merge(self, state: Placed, other: Placed) -> Placed:
        return state if other is None or (state is not None and state[0] <= other[0]) else other

    def present(self, state: Placed) -> Any:
        return None if state is None else presented(self.kind, state[1])

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("time", "BIGINT"),
            Column("partition", "BIGINT"),
            Column("offset", "BIGINT"),
            Column("value", SQL_TYPE_BY_KIND[self.kind]),
        )

    def pack(self, state: Placed) -> tuple[Any, ...]:
        return (None, None, None, None) if state is None else (*state[0], state[1])

    def unpack(self, packed: Sequence[Any]) -> Placed:
        time, partition, offset, value = packed
        return None if time is None else ((time, partition, offset), restored(self.kind, value))

    def fold_sql(self, value: str, order: str) -> tuple[str, ...]:
        return placed_sql("min", value, order, f"({value}) IS NOT NULL")

    def merge_sql(self, columns: Sequence[str]) -> tuple[str, ...]:
        return merged_sql("min", columns)

    @property
    def sql_type(self) -> str:
        return ANSWER_TYPE_BY_KIND[self.kind]

    def present_sql(self, columns: Sequence[str]) -> str:
        return answer_sql(self.kind, columns[-1])

    def evidence_sql(self, value: str, order: str) -> str:
        return f"arg_min({value}, {order}) FILTER ({value} IS NOT NULL)"

    def reference(self, evidence: Any) -> Any:
        return shown(self.kind, evidence)


def merged_sql(extreme: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The packed columns of the first (`extreme` is min) or last (max) of many packed states."""
    time, partition, offset, value = columns
    order = f"struct_pack(a := {time}, b := {partition}, c := {offset})"
    return placed_sql(extreme, value, order, f"{time} IS NOT NULL")


def placed_sql(extreme: str, value: str, order: str, condition: str) -> tuple[str, ...]:
    """The packed columns of the value whose order is the `extreme`, among those for which `condition` holds."""
    place = f"{extreme}({order}) FILTER (WHERE {condition})"
    return (
        *(f"struct_extract_at({place}, {position})::BIGINT" for position in (1, 2, 3)),
        f"arg_{extreme}({value}, {order}) FILTER (WHERE {condition})",
    )
