"""ada_hedge on examples small enough to reckon by hand."""

from __future__ import annotations

from math import exp, log

import pytest

from speed.blend.ada_hedge import AdaHedge
from tests.laws.blend_checks import check_state_goes_on_to_the_bit


def test_until_mixing_has_cost_something_it_follows_the_leader() -> None:
    blend = AdaHedge(["batch", "speed"])
    assert blend.weights() == {"batch": 0.5, "speed": 0.5}
    blend.update({}, {"batch": 0.0, "speed": 1.0})
    # infinite rate: the mix loss was 0, the blend's 0.5; the gap is what the rate follows from
    assert blend.gap == 0.5
    ratio = exp(-log(2) / 0.5)
    assert blend.weights() == pytest.approx({"batch": 1 / (1 + ratio), "speed": ratio / (1 + ratio)})


def test_losses_that_are_equal_teach_nothing() -> None:
    blend = AdaHedge(["batch", "speed"])
    blend.update({}, {"batch": 3.0, "speed": 3.0})
    assert (blend.gap, blend.losses) == (0.0, {"batch": 0.0, "speed": 0.0})


def test_it_goes_on_where_it_was() -> None:
    check_state_goes_on_to_the_bit(AdaHedge, 7)
