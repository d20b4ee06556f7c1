"""ml_poly on an example small enough to reckon by hand."""

from __future__ import annotations

from speed.blend.ml_poly import MlPoly
from tests.laws.blend_checks import check_late_and_leaving


def test_only_who_was_better_than_the_blend_has_weight() -> None:
    blend = MlPoly(["batch", "speed", "tree"])
    blend.update({}, {"batch": 0.0, "speed": 0.0, "tree": 3.0})
    assert blend.regrets == {"batch": 1.0, "speed": 1.0, "tree": -2.0}
    assert blend.weights() == {"batch": 0.5, "speed": 0.5, "tree": 0.0}


def test_when_nobody_was_better_all_weigh_the_same() -> None:
    blend = MlPoly(["batch", "speed", "tree"])
    blend.update({}, {"batch": 0.0, "speed": 2.0, "tree": 2.0})
    assert blend.weights() == {"batch": 1.0, "speed": 0.0, "tree": 0.0}
    blend.leave("batch")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}


def test_a_regret_beyond_the_widest_so_far_counts_as_that_wide() -> None:
    blend = MlPoly(["batch", "speed"])
    blend.update({}, {"batch": 0.0, "speed": 2.0})
    blend.leave("speed")
    blend.enter("speed")
    before = blend.regrets["batch"]
    blend.update({}, {"batch": 0.0, "speed": 1e6})
    assert abs(blend.regrets["batch"] - before) <= 1.0
    assert blend.range > 1.0


def test_a_newcomer_gets_a_fair_share() -> None:
    check_late_and_leaving(MlPoly, 7)
