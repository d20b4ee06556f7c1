"""What the default does beyond the laws that all blends keep."""

from __future__ import annotations

import pytest

from speed.blend.hedge import LARGEST_GAIN, Hedge, inverse, scaled
from tests.laws.blend_checks import check_sleepers_do_not_suffer


def diverged() -> Hedge:
    blend = Hedge(["speed"])
    for _ in range(200):
        blend.update({"speed": 1e6}, {"speed": 1e6})
    return blend


def test_a_known_loss_decides_how_much_a_newcomer_gets() -> None:
    blend = diverged()
    blend.enter("batch", 1.0)
    assert blend.weights()["batch"] > 0.999


def test_without_a_known_loss_a_newcomer_gets_a_fair_share() -> None:
    blend = diverged()
    blend.enter("batch")
    assert blend.weights() == {"batch": 0.5, "speed": 0.5}


def test_where_two_err_differently_the_default_keeps_both() -> None:
    """Neither is ever better than the other for long; their mean is."""
    blend = Hedge(["batch", "speed"])
    for number in range(2_000):
        parts = {"batch": 1.0, "speed": -1.0} if number % 2 else {"batch": -1.2, "speed": 1.2}
        weights = blend.weights()
        predicted = sum(weights[expert] * part for expert, part in parts.items())
        losses = {expert: part**2 for expert, part in parts.items()}
        blend.update(losses, {expert: 2.0 * predicted * part for expert, part in parts.items()})
    assert blend.weights()["batch"] == pytest.approx(0.5, abs=0.05)


def test_a_wild_gain_counts_as_the_largest_there_is() -> None:
    facts = [1.0, 4.0, 1e9]  # mean loss, mean square of gains, examples
    assert scaled(facts, 1e9) == pytest.approx(LARGEST_GAIN / (1 + 0.99) ** 0.5)
    assert facts[1] == 4.0 + (400.0 - 4.0) / 100
    assert scaled([1.0, 4.0, 1e9], -1.0) == pytest.approx(-1.0 / (4.0 - 0.03) ** 0.5)


@pytest.mark.parametrize(("gain", "first"), [(5.0, 1.0), (-1e-9, -1.0), (0.0, 0.0)])
def test_the_first_gain_is_its_own_scale(gain: float, first: float) -> None:
    assert scaled([0.0, 0.0, 1.0], gain) == first


def test_a_perfect_expert_is_given_nearly_all_and_the_worst_something() -> None:
    given = inverse({"perfect": 0.0, "bad": 1e9})
    assert given["perfect"] == pytest.approx(1.0)
    assert 0.0 < given["bad"] < 1e-9


def test_who_sleeps_keeps_its_weight() -> None:
    check_sleepers_do_not_suffer(Hedge, 7)
