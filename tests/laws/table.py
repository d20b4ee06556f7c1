"""Every aggregate, over every kind of field it takes, with the plain Python that it must agree with."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from anabranch import agg
from anabranch.agg.aggregate import Aggregate
from anabranch.events import Order
from anabranch.field import Field, Kind
from anabranch.instant import instant_us, iso

Values = Sequence[Any]
Contribution = tuple[Any, Order]
Agrees = Callable[[Any, Any, Values], bool]
"""(found, expected, the values) -> whether the answers agree as closely as the aggregate states."""


@dataclass(frozen=True)
class Case:
    """One aggregate over one kind of field.

    Attributes
    ----------
    reference
        The right answer, in plain Python.
    near
        How near an answer must be to the right one.
    same
        How near two answers must be to each other that took different ways: other orders, slices, or SQL. A sketch
        may be off, but must be off by the same however its values came.
    """

    aggregate: Aggregate
    kind: Kind
    reference: Callable[[Sequence[Contribution]], Any]
    near: Agrees
    same: Agrees

    def __str__(self) -> str:
        parameters = "-".join(map(str, self.aggregate.parameters))
        return "-".join(filter(None, (type(self.aggregate).__name__, self.kind, parameters)))

    @property
    def values(self) -> st.SearchStrategy[Any]:
        """The values of a field of this kind."""
        return VALUES_BY_KIND[self.kind]


def equal(found: Any, expected: Any, values: Values) -> bool:
    return bool(found == expected)


def close_sum(found: Any, expected: Any, values: Values) -> bool:
    return bool(abs(found - expected) <= 1e-9 * math.fsum(map(abs, values)))


def close_mean(found: Any, expected: Any, values: Values) -> bool:
    if found is None or expected is None:
        return found is expected
    return close_sum(found * len(values), expected * len(values), values)


def close_variance(found: Any, expected: Any, values: Values) -> bool:
    if found is None or expected is None:
        return found is expected
    size = max(map(abs, values))
    return bool(abs(found - expected) <= 1e-9 * max(expected, (1e-6 * size) ** 2))


def within(error: float) -> Agrees:
    def agrees(found: Any, expected: Any, values: Values) -> bool:
        if found is None or expected is None:
            return found is expected
        return bool(abs(found - expected) <= (error + 1e-12) * abs(expected) + 1e-300)

    return agrees


def equal_up_to(limit: int) -> Agrees:
    """Equal while there are at most `limit` different values. How far a sketch is off beyond is a test of its own."""

    def agrees(found: Any, expected: Any, values: Values) -> bool:
        return found == expected or len(set(values)) > limit

    return agrees


# the references: three lines of plain Python


def of_values(function: Callable[[list[Any]], Any], nothing: Any = None) -> Callable[[Sequence[Contribution]], Any]:
    def reference(contributions: Sequence[Contribution]) -> Any:
        values = [value for value, _ in contributions if value is not None]
        return function(values) if values else nothing

    return reference


def in_order(position: int) -> Callable[[Sequence[Contribution]], Any]:
    def reference(contributions: Sequence[Contribution]) -> Any:
        placed = sorted((order, value) for value, order in contributions if value is not None)
        return placed[position][1] if placed else None

    return reference


def ranked(values: list[Any]) -> Any:
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": count} for value, count in counts]


def at_rank(q: float) -> Callable[[Sequence[Contribution]], Any]:
    return of_values(lambda values: sorted(values)[int(q * (len(values) - 1))])


def between(edges: Sequence[float]) -> Callable[[Sequence[Contribution]], Any]:
    def counts(values: Sequence[Any]) -> Any:
        limits = [-math.inf, *edges, math.inf]
        rows = [sum(low <= v < high for v in values) for low, high in pairwise(limits)]
        return {"edges": list(edges), "counts": rows}

    return of_values(counts, counts([]))


def in_iso(reference: Callable[[Sequence[Contribution]], Any]) -> Callable[[Sequence[Contribution]], Any]:
    """The same with instants as text. They sort alike only as numbers."""

    def shown(found: Any) -> Any:
        if isinstance(found, list):
            return [shown(item) for item in found]
        if isinstance(found, dict):
            return {**found, "value": iso(found["value"])}
        return None if found is None else iso(found)

    return lambda contributions: shown(reference(contributions))


# the values

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)
NUMBERS = (
    st.floats(-1e100, 1e100)
    | st.floats(-10, 10)
    | st.floats(1e6, 1e6 + 1, width=32)
    | st.sampled_from([-9.0, -3.0, -0.0, 0.0, 0.5, 1.0, 2.0, 2.0**53, 2.0**53 + 2])
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(["", "a", "b", "\0"])
INSTANTS = st.integers(instant_us("0001-01-01T00:00:00Z"), instant_us("9999-12-31T23:59:59Z")) | st.integers(0, 9)
VALUES_BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    "integer": INTEGERS,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "text": TEXTS,
    "instant": INSTANTS,
}


def cases(
    aggregate: Aggregate,
    reference: Callable[[Sequence[Contribution]], Any],
    kinds: Sequence[Kind] = tuple(VALUES_BY_KIND),
    near: Agrees = equal,
    same: Agrees = equal,
) -> list[Case]:
    """One case a kind."""
    found = []
    for kind in kinds:
        bound = aggregate.bind("the table", Field("field", kind, None, True, None, None), None)
        shown = in_iso(reference) if "TIMESTAMPTZ" in bound.sql_type else reference
        found.append(Case(bound, kind, shown, near, same))
    return found


WHOLE: tuple[Kind, ...] = ("integer", "boolean")
EDGES = [-3, 0.5, 2, 2**53 + 1, 1e300]

TABLE: list[Case] = [
    *cases(agg.count("field"), of_values(len, 0)),
    *cases(agg.sum("field"), of_values(sum, 0), WHOLE),
    *cases(agg.sum("field"), of_values(math.fsum, 0), ("number",), close_sum, close_sum),
    *cases(agg.mean("field"), of_values(lambda values: sum(values) / len(values)), WHOLE),
    *cases(agg.mean("field"), of_values(statistics.fmean), ("number",), close_mean, close_mean),
    *cases(agg.variance("field"), of_values(statistics.pvariance), ("number", *WHOLE), close_variance, close_variance),
    *cases(
        agg.variance("field", sample=True),
        of_values(lambda values: statistics.variance(values) if len(values) > 1 else None),
        ("number",),
        close_variance,
        close_variance,
    ),
    *cases(agg.min("field"), of_values(min)),
    *cases(agg.max("field"), of_values(max)),
    *cases(agg.first("field"), in_order(0)),
    *cases(agg.last("field"), in_order(-1)),
    *cases(agg.histogram("field", EDGES), between(EDGES), ("integer", "number")),
    *cases(agg.collect("field"), of_values(lambda values: sorted(set(values)), [])),
    *cases(agg.collect("field", limit=2), of_values(lambda values: sorted(set(values))[:2], [])),
    *cases(agg.top("field", 1000), of_values(ranked, [])),
    *cases(agg.top("field", 2), of_values(lambda values: ranked(values)[:2], [])),
    *cases(agg.quantile("field", 0.5), at_rank(0.5), ("integer", "number"), within(0.01)),
    *cases(agg.quantile("field", 1, error=0.1), at_rank(1), ("integer", "number"), within(0.1)),
    *cases(agg.distinct("field"), of_values(lambda values: len(set(values)), 0)),
    *cases(agg.distinct("field", precision=5), of_values(lambda values: len(set(values)), 0), near=equal_up_to(32)),
]
