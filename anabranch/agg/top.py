"""top: the most frequent values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

from anabranch.agg.aggregate import Aggregate, Column
from anabranch.agg.error_bound import ErrorBound
from anabranch.agg.judgement import Judgement, equal, shown
from anabranch.agg.plain import ANSWER_TYPE_BY_KIND, presented, restored
from anabranch.events import Order
from anabranch.field import Kind


class top(Aggregate):
    """The most frequent values of a field with their counts, in bounded memory: ``[{"value": ..., "count": ...}]``.

    Sorted by count, the largest first, then by value. The counts are exact while the tile has no more different
    values than fit (1,536; more for a `k` beyond 150), and then depend on the values alone. Beyond, they come from the
    frequent-items sketch of Apache DataSketches (Anderson et al., *A high-performance algorithm for identifying
    frequent items in data streams*, IMC 2017): a count is then never too low, and too high by at most a share of all
    values (0.17 % where 1,536 fit); no value that is more frequent than that share is missed.

    Parameters
    ----------
    k
        How many values to answer: 1 to 1,000.

    >>> agg = top("station", 1)
    >>> agg.present(agg.gathered({"Market": 2, "Embarcadero": 3}))
    [{'value': 'Embarcadero', 'count': 3}]
    """

    bound: ErrorBound

    def __init__(self, field: str, k: int = 10, *, where: Callable[[Any], object] | None = None):
        super().__init__(field, where=where)
        if type(k) is not int or not 1 <= k <= 1000:
            raise self._refusal(f"k={k!r} is not a whole number from 1 to 1,000", "Leave it out for 10")
        self.k = k
        # a map of 2**size slots fills to three quarters (DataSketches); there is room for 8 k values or more
        self._size = (8 * k * 4 // 3).bit_length() if k > 150 else 11
        self._room = 3 * 2**self._size // 4
        # 3.5 / slots is the a-priori error of DataSketches' frequent items
        self.bound = ErrorBound(3.5 / 2**self._size, of="values", exact_up_to=self._room)

    @property
    def parameters(self) -> tuple[object, ...]:
        return (self.k,)

    # The state is [counts by value, the bytes of a sketch of other values or None]: counting in a dictionary is exact
    # and quick; what outgrows it goes into the sketch.

    def zero(self) -> list[Any]:
        return [{}, None]

    def add(self, state: list[Any], value: Any, order: Order) -> list[Any]:
        counts = state[0]
        counts[value] = counts.get(value, 0) + 1
        return self._tidied(state)

    def fold(self, slot: int, tiles: Sequence[list[Any]], values: Sequence[Any], orders: Sequence[Order]) -> None:
        room = self._room
        for tile, value in zip(tiles, values, strict=True):
            if value is not None:
                counts = tile[slot][0]
                counts[value] = counts.get(value, 0) + 1
                if len(counts) > room:
                    self._tidied(tile[slot])

    def merge(self, state: list[Any], other: list[Any]) -> list[Any]:
        counts = state[0]
        for value, count in other[0].items():
            counts[value] = counts.get(value, 0) + count
        if state[1] is None:
            state[1] = other[1]
        elif other[1] is not None:
            state[1] = self._sketch({}, state[1], other[1])
        return self._tidied(state)

    def present(self, state: list[Any]) -> list[dict[str, Any]]:
        counts = state[0] if state[1] is None else self._counts(self.pack(state)[0])
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"value": presented(self.kind, value), "count": count} for value, count in ranked[: self.k]]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("state", "BLOB"),)

    def pack(self, state: list[Any]) -> tuple[bytes]:
        counts, sketch = state
        if not counts:
            return (sketch or b"",)
        return (self._sketch(counts, sketch),)

    def unpack(self, packed: Sequence[Any]) -> list[Any]:
        return [{}, bytes(packed[0]) or None]

    def gather_sql(self, value: str, order: str) -> str:
        return f"coalesce(histogram({value}), MAP {{}})"

    def gathered(self, values: Mapping[Any, int] | Iterable[tuple[Any, int]]) -> list[Any]:
        return self._tidied([{restored(self.kind, value): int(count) for value, count in dict(values).items()}, None])

    @property
    def sql_type(self) -> str:
        return f'STRUCT("value" {ANSWER_TYPE_BY_KIND[self.kind]}, count BIGINT)[]'

    def evidence_sql(self, value: str, order: str) -> str:
        return f"histogram({value})"

    def reference(self, evidence: Mapping[Any, int] | None) -> list[dict[str, Any]]:
        ranked = sorted((evidence or {}).items(), key=lambda item: (-item[1], item[0]))
        return [{"value": shown(self.kind, value), "count": count} for value, count in ranked[: self.k]]

    def judge(self, evidence: Mapping[Any, int] | None, found: list[dict[str, Any]]) -> Judgement:
        expected, counts = self.reference(evidence), evidence or {}
        if len(counts) <= self.bound.exact_up_to:
            return equal(expected, found)
        total = sum(counts.values())
        allowed = self.bound.limit * total
        true = {shown(self.kind, value): count for value, count in counts.items()}
        excess = [row["count"] - true.get(row["value"], 0) for row in found]
        named = {row["value"] for row in found}
        ascending = sorted(true.values())
        missed = [  # values that are in the answer whatever the others were estimated at
            value
            for value, count in true.items()
            if count > allowed
            and value not in named
            and len(ascending) - bisect_left(ascending, count - allowed) <= self.k
        ]
        right = not missed and all(0 <= more <= allowed for more in excess) and len(named) == len(found) <= self.k
        return Judgement(right, inf if missed else max(map(abs, excess), default=0) / total, expected)

    def _tidied(self, state: list[Any]) -> list[Any]:
        """The state, with the dictionary emptied into the sketch where it has grown too large."""
        if len(state[0]) > self._room:
            state[1] = self._sketch(state[0], state[1])
            state[0] = {}
        return state

    def _sketch(self, counts: Mapping[Any, int], *sketches: bytes | None) -> bytes:
        """The sketch of some counts and of what is in other sketches."""
        # here, not above: it imports numpy, which is slow, and a service that starts may not need it yet
        from datasketches import frequent_strings_sketch

        joint = frequent_strings_sketch(self._size)
        for sketch in sketches:
            if sketch is not None:
                joint.merge(frequent_strings_sketch.deserialize(sketch))
        for value, count in counts.items():
            joint.update(_text(self.kind, value), count)
        packed: bytes = joint.serialize()
        return packed

    def _counts(self, sketch: bytes) -> dict[Any, int]:
        """Estimated counts by value, of the values that the sketch still tells apart."""
        from datasketches import frequent_items_error_type, frequent_strings_sketch

        found = frequent_strings_sketch.deserialize(sketch).get_frequent_items(
            frequent_items_error_type.NO_FALSE_NEGATIVES
        )
        return {_value(self.kind, text): estimate for text, estimate, *_bounds in found}


def _text(kind: Kind, value: Any) -> str:
    """A value as text, such that `_value` finds it again: the sketch holds texts only."""
    if kind == "number":
        return repr(value + 0.0)
    return str(int(value)) if kind == "boolean" else str(value)


def _value(kind: Kind, text: str) -> Any:
    return restored(kind, int(text) if kind == "boolean" else text)
