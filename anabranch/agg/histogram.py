"""histogram: how many values fall between given edges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, inf, isfinite, nextafter
from typing import Any

import orjson

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.events import Order
from anabranch.field import Kind


class histogram(Aggregate):
    """How many values of a field fall between given edges: ``{"edges": [...], "counts": [...]}``.

    There is one count more than there are edges: below the first, from each edge up to the next (which is not
    included), and from the last on.

    Parameters
    ----------
    edges
        1 to 1,000 finite numbers, each larger than the one before it.

    >>> agg = histogram("minutes", edges=[10, 60])
    >>> agg.present(agg.add(agg.zero(), 10, (0, 0, 0)))
    {'edges': [10, 60], 'counts': [0, 1, 0]}
    """

    kinds = frozenset[Kind]({"integer", "number"})
    wants = "a number"

    def __init__(self, field: str, edges: Sequence[float], *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)
        listed = isinstance(edges, (list, tuple))
        if not listed or not all(type(edge) in (int, float) and isfinite(edge) for edge in edges):
            raise self._refusal(f"edges={edges!r} are not finite numbers", "Write them like edges=[10, 60]")
        self.edges = list(edges)
        rising = all(low < high for low, high in pairwise(self.edges))
        if not rising or not 1 <= len(self.edges) <= 1000:
            raise self._refusal(
                f"edges={edges!r} are not 1 to 1,000 rising numbers", "Write each edge once, the smallest first"
            )

    @property
    def parameters(self) -> tuple[object, ...]:
        return tuple(self.edges)

    def zero(self) -> list[int]:
        return [0] * (len(self.edges) + 1)

    def add(self, state: list[int], value: float, order: Order) -> list[int]:
        state[bisect_right(self.edges, value)] += 1
        return state

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        edges = self.edges
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                tile[slot][bisect_right(edges, value)] += 1

    def merge(self, state: list[int], other: list[int]) -> list[int]:
        for bucket, count in enumerate(other):
            state[bucket] += count
        return state

    def copied(self, state: list[int]) -> list[int]:
        return state.copy()

    def present(self, state: list[int]) -> dict[str, Any]:
        return {"edges": self.edges, "counts": list(state)}

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: list[int]) -> tuple[bytes]:
        return (orjson.dumps(state),)

    def unpack(self, packed: Sequence[Any]) -> list[int]:
        counts: list[int] = orjson.loads(packed[0])
        return counts

    def gather_sql(self, value: str, order: str) -> str:
        from_edge = [f"({value}) >= {self._literal(edge)}" for edge in self.edges]
        conditions = [
            f"NOT {from_edge[0]}",
            *(f"{low} AND NOT {high}" for low, high in pairwise(from_edge)),
            from_edge[-1],
        ]
        return f"[{', '.join(f'count({value}) FILTER (WHERE {condition})' for condition in conditions)}]"

    def gathered(self, values: Sequence[Any]) -> list[int]:
        return [int(count) for count in values]

    @property
    def sql_type(self) -> str:
        return "STRUCT(edges DOUBLE[], counts BIGINT[])"

    def reference(self, evidence: Sequence[float] | None) -> dict[str, Any]:
        values = sorted(evidence or ())
        below = [0, *(bisect_left(values, edge) for edge in self.edges), len(values)]
        return {"edges": self.edges, "counts": [high - low for low, high in pairwise(below)]}

    def _literal(self, edge: float) -> str:
        """SQL of an edge, such that comparing with it is exact, as it is in Python."""
        if self.kind == "number":
            number = float(edge)
            return f"'{nextafter(number, inf) if number < edge else number!r}'::DOUBLE"
        # a whole number is below an edge just when it is below the next whole number; beyond 64 bits lies nothing
        limit = 2**64
        whole = ceil(edge)
        whole = limit if whole > limit else -limit if whole < -limit else whole
        return f"({whole})::HUGEINT"
