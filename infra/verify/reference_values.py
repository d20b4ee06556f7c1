"""What the raw log says of one aggregate in one tile, and whether an answer agrees with it.

`evidence_sql` gathers plain facts (a count, the values, how often each value occurs); `judge` computes from them, by a
few lines of plain Python, what the answer should be, and compares within the aggregate's stated error.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from anabranch import agg
from anabranch.agg.aggregate import Aggregate
from anabranch.instant import iso

EXACT = 1e-9
"""The relative difference that float arithmetic is allowed, however the log is cut."""
SIGMAS = 4
"""How far an estimate may be off, in standard deviations: one good answer in 16,000 is beyond."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an answer is right.

    Attributes
    ----------
    right
        It is, within the stated error.
    difference
        The relative difference; infinite where there is no measure.
    expected
        What the raw log says.
    """

    right: bool
    difference: float
    expected: Any


Judge = Callable[[Any, Any, Any], Judgement]
"""(aggregate, evidence, found) -> judgement."""


def evidence_sql(aggregate: Aggregate, value: str, place: str) -> str:
    """A DuckDB aggregate expression that gathers the evidence.

    Parameters
    ----------
    aggregate
        What is asked for.
    value
        The column of the values, NULL where there is none.
    place
        SQL that orders as events are ordered.
    """
    return _rule(aggregate)[0].format(value=value, place=place)


def judge(aggregate: Aggregate, evidence: Any, found: Any) -> Judgement:
    """Compare an answer with the evidence."""
    return _rule(aggregate)[1](aggregate, evidence, found)


# one function for each way to agree


def _same(aggregate: Any, expected: Any, found: Any) -> Judgement:
    expected = _presented(aggregate, expected)
    right = bool(expected == found)
    return Judgement(right, 0.0 if right else _difference(expected, found), expected)


def _sum(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    values = values or []
    if aggregate.kind != "number":
        return _same(aggregate, sum(values), found)
    return _close(_total(values), found, _magnitude(values))


def _mean(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    if not values:
        return _same(aggregate, None, found)
    total = _total(values)
    return _close(None if total is None else total / len(values), found, _magnitude(values) / len(values))


def _variance(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    values = values or []
    divisor = len(values) - (1 if aggregate.sample else 0)
    if divisor <= 0 or any(abs(value) > _LARGEST for value in values):
        return _same(aggregate, None, found)
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / divisor
    # a spread of less than a millionth of the values' size drowns in their own rounding
    return _close(variance, found, max(variance, math.sqrt(variance) * abs(mean) * 1e-6, (mean * 1e-13) ** 2))


def _distinct(aggregate: Any, expected: int, found: Any) -> Judgement:
    nominal = _exact_up_to(aggregate)
    if expected <= nominal:
        return _same(aggregate, expected, found)
    difference = abs(found - expected) / expected
    return Judgement(difference <= SIGMAS / math.sqrt(nominal), difference, expected)


def _quantile(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    if not values:
        return _same(aggregate, None, found)
    expected = sorted(values)[int(aggregate.q * (len(values) - 1))]
    if found is None:
        return Judgement(False, math.inf, expected)
    off = abs(found - expected)
    right = off <= aggregate.relative_error * abs(expected) * (1 + 1e-6) + 1e-299
    return Judgement(right, off / abs(expected) if expected else off, expected)


def _histogram(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    ordered = sorted(values or [])
    below = [0, *(bisect_left(ordered, edge) for edge in aggregate.edges), len(ordered)]
    counts = [high - low for low, high in pairwise(below)]
    return _same(aggregate, {"edges": aggregate.edges, "counts": counts}, found)


def _collect(aggregate: Any, values: list[Any] | None, found: Any) -> Judgement:
    expected = [_presented(aggregate, value) for value in sorted(set(values or []))[: aggregate.limit]]
    right = expected == found
    return Judgement(right, 0.0 if right else math.inf, expected)


def _top(aggregate: Any, counted: Mapping[Any, int] | None, found: list[dict[str, Any]]) -> Judgement:
    counts = dict(counted or {})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    expected = [{"value": _presented(aggregate, value), "count": count} for value, count in ranked[: aggregate.k]]
    room = _exact_up_to(aggregate)
    if len(counts) <= room:
        return Judgement(expected == found, 0.0 if expected == found else math.inf, expected)
    total = sum(counts.values())
    error = 3.5 * 0.75 / room * total  # the stated share of all values; a sketch fills to three quarters
    true = {_presented(aggregate, value): count for value, count in counts.items()}
    off = [answer["count"] - true.get(answer["value"], 0) for answer in found]
    named = {answer["value"] for answer in found}
    ascending = sorted(true.values())
    missed = [  # values that are in the answer whatever the others were estimated at
        value
        for value, count in true.items()
        if count > error
        and value not in named
        and len(ascending) - bisect_left(ascending, count - error) <= aggregate.k
    ]
    right = not missed and all(0 <= excess <= error for excess in off) and len(named) == len(found) <= aggregate.k
    return Judgement(right, max(map(abs, off), default=0) / total, expected)


# the parts they share


def _close(expected: float | None, found: Any, scale: float) -> Judgement:
    if expected is None or found is None or math.isinf(scale):
        # sums near the end of the range of floats may overflow in one order and not in another
        right = (expected is None and found is None) or math.isinf(scale)
        return Judgement(right, 0.0 if right else math.inf, expected)
    off = abs(found - expected)
    difference = off / scale if scale else off
    return Judgement(difference <= EXACT, difference, expected)


def _total(values: list[float]) -> float | None:
    try:
        return math.fsum(values)
    except OverflowError:
        return None


def _magnitude(values: list[float]) -> float:
    try:
        return math.fsum(map(abs, values))
    except OverflowError:
        return math.inf


def _presented(aggregate: Any, value: Any) -> Any:
    """A value as answers show it."""
    return iso(value) if aggregate.kind == "instant" and type(value) is int and _shows_values(aggregate) else value


def _shows_values(aggregate: Aggregate) -> bool:
    return not isinstance(aggregate, (agg.count, agg.distinct))


def _difference(expected: Any, found: Any) -> float:
    numbers = all(isinstance(value, (int, float)) for value in (expected, found))
    return abs(found - expected) / (abs(expected) or 1) if numbers else math.inf


def _exact_up_to(aggregate: Aggregate) -> int:
    """Up to how many different values a sketch says that it is exact."""
    stated = re.match(r"exact up to ([\d,]+) ", aggregate.error or "")
    assert stated is not None, f"{type(aggregate).__name__} states no error that can be held against it"
    return int(stated[1].replace(",", ""))


_LARGEST = 1e150
"""Beyond this a square is no float any more, and there is no variance."""
_VALUES = "list({value}) FILTER ({value} IS NOT NULL)"
_RULES: Mapping[type[Aggregate], tuple[str, Judge]] = {
    agg.count: ("count({value})", _same),
    agg.sum: (_VALUES, _sum),
    agg.mean: (_VALUES, _mean),
    agg.min: ("min({value})", _same),
    agg.max: ("max({value})", _same),
    agg.variance: (_VALUES, _variance),
    agg.first: ("arg_min({value}, {place}) FILTER ({value} IS NOT NULL)", _same),
    agg.last: ("arg_max({value}, {place}) FILTER ({value} IS NOT NULL)", _same),
    agg.distinct: ("count(DISTINCT {value})", _distinct),
    agg.quantile: (_VALUES, _quantile),
    agg.top: ("histogram({value})", _top),
    agg.histogram: (_VALUES, _histogram),
    agg.collect: ("list(DISTINCT {value}) FILTER ({value} IS NOT NULL)", _collect),
}


def _rule(aggregate: Aggregate) -> tuple[str, Judge]:
    return _RULES[type(aggregate)]
