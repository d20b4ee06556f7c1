"""What every blend does, and what only the interface can get wrong; its laws are in tests/laws."""

from __future__ import annotations

import pytest

from speed.blend import BLENDS, Blend, blend_of
from speed.blend.equal_weights import Mean
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge


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


@pytest.mark.parametrize("make", [Mean, Hedge, FixedShare])
def test_weights_that_were_given_out_do_not_change_later(make: type[Blend]) -> None:
    blend = make(["batch", "speed"])
    before = blend.weights()
    kept = dict(before)
    blend.update({"batch": 1.0, "speed": 2.0}, {"batch": 1.0, "speed": 2.0})
    blend.leave("batch")
    assert before == kept
