"""variance: how widely the values are spread."""

from math import isclose

from anabranch import agg
from tests.anabranch.agg.folding import answer, folded, nothing, over


def test_the_variance_of_nothing_is_none_and_of_one_value_nought() -> None:
    aggregate = over("number", agg.variance("field"))
    assert nothing(aggregate) is None
    assert answer(aggregate, [7.5, None]) == 0.0


def test_a_sample_needs_two_values() -> None:
    aggregate = over("integer", agg.variance("field", sample=True))
    assert nothing(aggregate) is None
    assert answer(aggregate, [3]) is None
    assert answer(aggregate, [1, 3]) == 2.0


def test_a_small_spread_of_large_values_is_not_lost() -> None:
    assert isclose(answer(over("number", agg.variance("field")), [1e6, 1e6 + 1, 1e6 + 2]), 2 / 3, rel_tol=1e-9)


def test_parts_with_different_means_add_the_spread_between_them() -> None:
    aggregate = over("number", agg.variance("field"))
    state = aggregate.merge(folded(aggregate, [0.0, 0.0]), folded(aggregate, [2.0, 2.0]))
    assert aggregate.present(state) == 1.0


def test_values_whose_squares_are_no_floats_have_no_variance_whatever_comes_after() -> None:
    aggregate = over("number", agg.variance("field"))
    assert answer(aggregate, [1e200, 1.0]) is None
    assert aggregate.present(aggregate.merge(folded(aggregate, [1.0]), folded(aggregate, [-1e200]))) is None
