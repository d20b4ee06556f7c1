"""What single blends do beyond the laws that all keep."""

from __future__ import annotations

from typing import get_args

import pytest

from anabranch.model import Blending
from speed.blend import BLENDS, Blend, blend_of
from speed.blend.equal_weights import Mean
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge


def test_the_table_has_what_an_application_may_name_and_the_default_first() -> None:
    assert tuple(BLENDS) == get_args(Blending)
    assert next(iter(BLENDS)) == "hedge"
    assert isinstance(blend_of("hedge"), Hedge)


def test_an_application_may_bring_its_own_blend() -> None:
    blend = blend_of(lambda: FixedShare(share=0.1))
    assert isinstance(blend, FixedShare)
    assert blend.share == 0.1


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="there is no blend 'hegde'; there are hedge, batch, speed, mean"):
        blend_of("hegde")


def test_the_state_of_another_blend_is_refused() -> None:
    with pytest.raises(ValueError, match="the state is of blend 'hedge', not of 'mean'"):
        blend_of("mean", Hedge(["batch"]).state())


def test_one_expert_alone_answers_and_the_others_stand_in_for_it() -> None:
    blend = blend_of("batch")
    blend.enter("speed")
    blend.enter("tree")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}
    blend.enter("batch")
    assert blend.weights() == {"batch": 1.0, "speed": 0.0, "tree": 0.0}
    assert blend.weights(["speed", "tree"]) == {"speed": 0.5, "tree": 0.5}
    blend.leave("batch")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}


@pytest.mark.parametrize("name", BLENDS)
def test_an_expert_that_left_is_ignored_when_its_labels_come_late(name: str) -> None:
    blend = blend_of(name)
    for expert in ("batch", "speed", "tree"):
        blend.enter(expert)
    blend.leave("tree")
    blend.update({"batch": 1.0, "speed": 2.0, "tree": 9.0}, {"batch": 1.0, "speed": 2.0, "tree": 9.0})
    assert set(blend.weights()) == {"batch", "speed"}


@pytest.mark.parametrize("name", BLENDS)
def test_weights_among_strangers_are_none(name: str) -> None:
    blend = blend_of(name)
    assert blend.weights() == {}
    blend.enter("speed")
    assert blend.weights(["batch"]) == {}


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


@pytest.mark.parametrize("make", [Mean, Hedge, FixedShare])
def test_weights_that_were_given_out_do_not_change_later(make: type[Blend]) -> None:
    blend = make(["batch", "speed"])
    before = blend.weights()
    kept = dict(before)
    blend.update({"batch": 1.0, "speed": 2.0}, {"batch": 1.0, "speed": 2.0})
    blend.leave("batch")
    assert before == kept
