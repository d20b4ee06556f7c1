"""Whether an answer is what the raw values say: the ways to compare that the aggregates share.

Nothing here knows a state. An aggregate's `reference` and `judge` are made of this, of the standard library and of the
values; they call none of its other methods, so that an error of the fold, the merge or the presentation cannot hide
in what they are held against.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anabranch.field import Kind
from anabranch.instant import iso

ROUNDING = 1e-9
"""The relative difference that float arithmetic is allowed, however the log is cut."""


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
        What the raw values say.
    """

    right: bool
    difference: float
    expected: Any


def equal(expected: Any, found: Any) -> Judgement:
    """Only the expected answer itself is right."""
    if expected == found:
        return Judgement(True, 0.0, expected)
    if _is_number(expected) and _is_number(found):
        return Judgement(False, abs(found - expected) / (abs(expected) or 1), expected)
    return Judgement(False, math.inf, expected)


def close(expected: float | None, found: Any, scale: float) -> Judgement:
    """An answer is right that differs by no more than `ROUNDING` times `scale`.

    Parameters
    ----------
    scale
        How large the numbers were that were summed up: what they cancel to may be much smaller. Infinite: their sum is
        beyond the range of floats in one order and within it in another, so that any answer may be right.
    """
    if math.isinf(scale):
        return Judgement(True, 0.0, expected)
    if expected is None or not _is_number(found):
        return equal(expected, found)
    off = abs(found - expected)
    difference = off / scale if scale else off
    return Judgement(difference <= ROUNDING, difference, expected)


def within(expected: float | None, found: Any, share: float) -> Judgement:
    """An answer is right that differs by no more than a `share` of the expected one."""
    if expected is None or not _is_number(found):
        return equal(expected, found)
    off = abs(found - expected)
    # a hair more: the bound of a sketch is computed with logarithms, which round
    right = off <= share * abs(expected) * (1 + 1e-6) + 1e-299
    return Judgement(right, off / abs(expected) if expected else off, expected)


def exact_sum(values: Iterable[float]) -> float | None:
    """The sum of floats, rounded once; None beyond the range of a float."""
    try:
        return math.fsum(values)
    except OverflowError:
        return None


def magnitude(values: Iterable[float]) -> float:
    """The sum of the absolute values; infinite beyond the range of a float."""
    total = exact_sum(map(abs, values))
    return math.inf if total is None else total


def shown(kind: Kind, value: Any) -> Any:
    """A plain value as answers show it: an instant as ISO 8601."""
    return iso(value) if kind == "instant" and value is not None else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
