"""The measures at the edges of arithmetic; that they are the losses and slopes is a law of the metrics."""

from __future__ import annotations

from math import inf, log

import pytest

from anabranch.metric import LEAST_PROBABILITY
from speed.learning.part_losses import measure_of


def test_an_error_whose_square_is_no_float_is_infinite_and_raises_nothing() -> None:
    losses, slopes, own = measure_of("squared_error")({"wild": 1e200, "good": 1.0}, 1.0, 1.0)
    assert (losses, slopes, own) == ({"wild": inf, "good": 0.0}, {"wild": 0.0, "good": 0.0}, 0.0)


def test_a_blend_that_is_right_gives_no_direction() -> None:
    losses, slopes, own = measure_of("absolute_error")({"low": 1.0, "high": 5.0}, 3.0, 3.0)
    assert (losses, slopes, own) == ({"low": 2.0, "high": 2.0}, {"low": 0.0, "high": 0.0}, 0.0)


def test_a_class_that_nobody_thought_of_is_the_least_probable() -> None:
    losses, slopes, own = measure_of("log_loss")({"one": {"a": 1.0}, "other": {"new": 0.5}}, {"a": 1.0}, "new")
    assert losses == {"one": -log(LEAST_PROBABILITY), "other": -log(0.5)}
    assert slopes == {"one": -1.0, "other": pytest.approx(-0.5 / LEAST_PROBABILITY)}
    assert own == -log(LEAST_PROBABILITY)
