"""The slopes of the metrics."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.metric import loss
from speed.blend import slope

NUMBERS = st.floats(-1e3, 1e3)
PROBABILITIES = st.floats(0.0, 1.0).map(lambda p: {True: p, False: 1.0 - p})


def check_slopes_bound_the_regret(metric: Any, one: Any, other: Any, blended: Any, label: Any) -> None:
    """A convex loss: what the mixture loses more than an expert is at most the difference of slopes."""
    own = sum(0.5 * slope(metric, part, blended, label) for part in (one, other))
    for part in (one, other):
        excess = loss(metric, blended, label) - loss(metric, part, label)
        assert excess <= own - slope(metric, part, blended, label) + 1e-6


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error"])
@given(one=NUMBERS, other=NUMBERS, label=NUMBERS)
def test_slopes_of_numbers_bound_the_regret(metric: str, one: float, other: float, label: float) -> None:
    check_slopes_bound_the_regret(metric, one, other, 0.5 * one + 0.5 * other, label)


@given(one=PROBABILITIES, other=PROBABILITIES, label=st.booleans())
def test_slopes_of_probabilities_bound_the_regret(one: Any, other: Any, label: bool) -> None:
    if min(one[label], other[label]) < 1e-6:
        return  # there the loss is clipped, and no longer convex
    mixture = {c: 0.5 * one[c] + 0.5 * other[c] for c in (True, False)}
    check_slopes_bound_the_regret("log_loss", one, other, mixture, label)


def test_a_class_that_was_never_thought_of_has_the_slope_of_the_least_probability() -> None:
    assert slope("log_loss", {"a": 1.0}, {"a": 1.0}, "b") == -1.0
