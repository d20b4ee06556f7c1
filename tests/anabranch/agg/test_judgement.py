"""The ways in which an answer agrees with what the raw values say."""

from math import inf, nan
from typing import Any

import pytest

from anabranch.agg.judgement import close, equal, exact_sum, magnitude, shown, within


def test_only_the_expected_answer_is_equal() -> None:
    assert equal([1, 2], [1, 2]).right
    wrong = equal(4, 5)
    assert (wrong.right, wrong.difference, wrong.expected) == (False, 0.25, 4)
    assert equal(None, 0).difference == inf


@pytest.mark.parametrize("found", [None, "3", True, [3.0], nan, inf, 3.1])
def test_what_is_no_number_or_too_far_is_neither_close_nor_within(found: Any) -> None:
    assert not close(3.0, found, scale=3.0).right
    assert not within(3.0, found, share=0.01).right


def test_close_is_measured_by_the_size_of_what_was_summed() -> None:
    assert close(0.0, 1e-3, scale=1e7).right
    assert not close(0.0, 1e-3, scale=1e5).right
    assert close(0.0, 0.0, scale=0.0).right


def test_a_sum_that_may_have_overflowed_on_its_way_can_be_anything() -> None:
    assert close(1.0, None, scale=inf).right
    assert not close(1.0, None, scale=1.0).right
    assert not close(None, 1.0, scale=1.0).right
    assert close(None, None, scale=1.0).right


def test_within_is_a_share_of_the_expected_answer() -> None:
    assert within(200.0, 202.0, share=0.01).right
    assert not within(200.0, 202.1, share=0.01).right
    assert within(-200.0, -198.0, share=0.01).right
    assert within(None, None, share=0.01).right


def test_sums_beyond_the_range_of_floats_have_no_value_and_an_infinite_magnitude() -> None:
    assert exact_sum([1e308, 1e308]) is None
    assert magnitude([1e308, -1e308]) == inf
    assert exact_sum([0.1] * 10) == 1.0


def test_instants_are_compared_as_they_are_shown() -> None:
    assert shown("instant", 0) == "1970-01-01T00:00:00Z"
    assert shown("instant", None) is None
    assert shown("integer", 0) == 0
