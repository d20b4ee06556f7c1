"""boa on an example small enough to reckon by hand."""

from __future__ import annotations

from math import exp, sqrt

import pytest

from speed.blend.boa import STEADY, Boa
from tests.laws.blend_checks import check_late_and_leaving


def test_one_example_moves_weight_by_the_regret_less_its_square() -> None:
    blend = Boa(["batch", "speed"])
    blend.update({}, {"batch": 0.0, "speed": 2.0})
    rate = 1 / sqrt(STEADY)  # the range is 1, and nothing was squared before
    assert blend.regrets == pytest.approx({"batch": 1.0 - rate, "speed": -1.0 - rate})
    assert blend.squares == {"batch": 1.0, "speed": 1.0}
    after = 1 / sqrt(STEADY * 2)
    ratio = exp(-2.0 * after)
    assert blend.weights() == pytest.approx({"batch": 1 / (1 + ratio), "speed": ratio / (1 + ratio)})


def test_a_newcomer_gets_a_fair_share() -> None:
    check_late_and_leaving(Boa, 7)
