"""collect: the different values themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.judgement import shown
from anabranch.agg.plain import ANSWER_TYPE_BY_KIND, presented, restored
from anabranch.events import Order


class collect(Aggregate):
    """The different values of a field in their order; if there are more than `limit`, the `limit` smallest.

    Parameters
    ----------
    limit
        How many values are kept at most: 1 to 1,000,000.

    >>> agg = collect("url", limit=2)
    >>> agg.present(agg.gathered(["/c", "/a", "/b", "/a"]))
    ['/a', '/b']
    """

    def __init__(self, field: str, limit: int = 1000, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)
        if type(limit) is not int or not 1 <= limit <= 1_000_000:
            raise self._refusal(f"limit={limit!r} is not a whole number from 1 to 1,000,000", "Leave it out for 1000")
        self.limit = limit

    @property
    def parameters(self) -> tuple[object, ...]:
        return (self.limit,)

    # The state is a set of up to twice `limit` values: what lies beyond the limit is cut off now and then, and always
    # when the state is looked at.

    def zero(self) -> set[Any]:
        return set()

    def add(self, state: set[Any], value: Any, order: Order) -> set[Any]:
        state.add(value)
        return self._tidied(state)

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        room = 2 * self.limit
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                state = tile[slot]
                state.add(value)
                if len(state) > room:
                    self._tidied(state)

    def merge(self, state: set[Any], other: set[Any]) -> set[Any]:
        state |= other
        return self._tidied(state)

    def copied(self, state: set[Any]) -> set[Any]:
        return state.copy()

    def present(self, state: set[Any]) -> list[Any]:
        return [presented(self.kind, value) for value in self._smallest(state)]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: set[Any]) -> tuple[bytes]:
        return (orjson.dumps(self._smallest(state)),)

    def unpack(self, packed: Sequence[Any]) -> set[Any]:
        return set(orjson.loads(packed[0]))

    def gather_sql(self, value: str, order: str) -> str:
        found = f"list(DISTINCT {value}) FILTER (WHERE ({value}) IS NOT NULL)"
        return f"coalesce(list_sort({found})[1:{self.limit}], [])"

    def gathered(self, values: Iterable[Any]) -> set[Any]:
        return self._tidied({restored(self.kind, value) for value in values})

    @property
    def sql_type(self) -> str:
        return f"{ANSWER_TYPE_BY_KIND[self.kind]}[]"

    def evidence_sql(self, value: str, order: str) -> str:
        return f"list(DISTINCT {value}) FILTER ({value} IS NOT NULL)"

    def reference(self, evidence: Sequence[Any] | None) -> list[Any]:
        return [shown(self.kind, value) for value in sorted(evidence or ())[: self.limit]]

    def _smallest(self, state: set[Any]) -> list[Any]:
        return sorted(state)[: self.limit]

    def _tidied(self, state: set[Any]) -> set[Any]:
        """The state, cut down in place where it has grown to twice the limit."""
        if len(state) > 2 * self.limit:
            state.intersection_update(self._smallest(state))
        return state
