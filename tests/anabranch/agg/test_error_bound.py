"""The numbers of a bound, and the sentence that is made of them."""

import pytest

from anabranch import agg
from anabranch.agg.aggregate import Aggregate
from anabranch.agg.error_bound import ErrorBound


@pytest.mark.parametrize(
    ("aggregate", "bound", "sentence"),
    [
        (agg.quantile("field", 0.5), ErrorBound(0.01), "within 1.00% of the exact answer"),
        (
            agg.distinct("field"),
            ErrorBound(0.03125, exact_up_to=4096, confidence=0.95),
            "exact up to 4,096 different values; beyond, within 3.12% of the exact answer in 95 of 100 cases",
        ),
        (
            agg.top("field"),
            ErrorBound(3.5 / 2048, "values", exact_up_to=1536),
            "exact up to 1,536 different values; beyond, too high by at most 0.17% of all values, and never too low",
        ),
    ],
)
def test_a_sketch_states_its_bound_in_numbers(aggregate: Aggregate, bound: ErrorBound, sentence: str) -> None:
    assert aggregate.bound == bound
    assert aggregate.error == sentence


def test_what_is_exact_states_none() -> None:
    assert agg.sum("field").bound is None
    assert agg.sum("field").error is None


def test_a_bound_that_holds_mostly_is_held_at_twice_its_width() -> None:
    assert ErrorBound(0.03, confidence=0.95).limit == 0.06
    assert ErrorBound(0.03).limit == 0.03
