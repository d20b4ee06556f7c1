"""The laws of a blend. Each check makes one, and raises `AssertionError` where a law is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from anabranch.metric import loss
from speed.blend import Blend, blend_of, slope

Losses = dict[str, float]
Maker = Callable[[], Blend]
LEARNERS = ("hedge", "fixed_share", "ada_hedge", "boa", "ml_poly")
EXPERTS = ("batch", "speed", "tree")


def blend_with(make: Maker, experts: tuple[str, ...] = EXPERTS) -> Blend:
    blend = make()
    for expert in experts:
        blend.enter(expert)
    return blend


def noise(seed: int, experts: tuple[str, ...] = EXPERTS, count: int = 60) -> list[Losses]:
    """Losses of several sizes that are never equal."""
    chance = Random(seed)
    level = {expert: chance.uniform(0.5, 2.0) for expert in experts}
    return [{expert: level[expert] * chance.lognormvariate(0.0, 1.0) for expert in experts} for _ in range(count)]


def check_weights_are_convex(make: Maker, steps: list[Losses]) -> None:
    blend = blend_with(make)
    for losses in steps:
        blend.update(losses, losses)
        for weights in (blend.weights(), blend.weights(["batch", "tree"]), blend.weights(["speed"])):
            assert all(weight >= 0.0 for weight in weights.values()), weights
            assert sum(weights.values()) == pytest.approx(1.0, abs=1e-9)


def check_names_mean_nothing(make: Maker, seed: int) -> None:
    """Experts that swap their names and come in another order swap their weights."""
    renamed = dict(zip(EXPERTS, ("tree", "batch", "speed"), strict=True))
    blend, other = blend_with(make), blend_with(make, ("tree", "speed", "batch"))
    for losses in noise(seed):
        blend.update(losses, losses)
        swapped = {renamed[expert]: value for expert, value in losses.items()}
        other.update(swapped, swapped)
        expected = {renamed[expert]: weight for expert, weight in blend.weights().items()}
        assert other.weights() == pytest.approx(expected, abs=1e-9)


def check_scale_free(make: Maker, seed: int, factor: float, tolerance: float) -> None:
    blend, other = blend_with(make), blend_with(make)
    for losses in noise(seed):
        blend.update(losses, losses)
        larger = {expert: value * factor for expert, value in losses.items()}
        other.update(larger, larger)
        assert other.weights() == pytest.approx(blend.weights(), abs=tolerance)


def example(chance: Random, metric: Any, blend: Blend) -> tuple[Losses, Losses]:
    """An example that "batch" knows for sure; the others are off by half at least."""
    weights = blend.weights()
    if metric == "log_loss":
        label = chance.random() < 0.5
        sure = {"batch": 1.0, "speed": chance.uniform(0.1, 0.6), "tree": chance.uniform(0.1, 0.6)}
        parts: dict[str, Any] = {expert: {label: p, not label: 1 - p} for expert, p in sure.items()}
        blended: Any = {c: sum(weights[e] * parts[e][c] for e in parts) for c in (False, True)}
        answer: Any = label
    else:
        answer = chance.gauss(0.0, 3.0)
        off = {"batch": 0.0, "speed": chance.choice((-1, 1)), "tree": chance.choice((-1, 1))}
        parts = {expert: answer + sign * chance.uniform(0.5, 2.0) for expert, sign in off.items()}
        blended = sum(weights[expert] * part for expert, part in parts.items())
    losses = {expert: loss(metric, part, answer) for expert, part in parts.items()}
    return losses, {expert: slope(metric, part, blended, answer) for expert, part in parts.items()}


def check_the_perfect_one_wins(make: Maker, metric: str, seed: int) -> None:
    blend, chance = blend_with(make), Random(seed)
    for _ in range(2_000):
        blend.update(*example(chance, metric, blend))
    assert blend.weights()["batch"] > 0.95, blend.weights()


def check_the_diverged_one_is_out(make: Maker, seed: int, *, limit: float = 0.1, one_size: bool = False) -> None:
    """Its losses become a million times larger; it is out within some examples, whatever it was worth before.

    They may be of one size: to a blend whose unit is the widest loss ever seen, one that is a hundred times wider than
    the others makes those weigh nothing.
    """
    blend, chance = blend_with(make), Random(seed)
    for losses in noise(seed, count=200):
        better = losses | {"tree": losses["tree"] * 0.1}
        blend.update(better, better)
    for losses in noise(seed, count=100):
        wild = losses | {"tree": 1e6 * (chance.uniform(0.5, 1.5) if one_size else losses["tree"])}
        blend.update(wild, wild)
    assert blend.weights()["tree"] < limit, blend.weights()


def check_the_blend_recovers(make: Maker, seed: int) -> None:
    """After an expert has diverged the others are told apart again, and when it is the best it is found again."""
    blend = blend_with(make)
    for losses in noise(seed, count=100):
        wild = losses | {"tree": losses["tree"] * 1e6}
        blend.update(wild, wild)
    for losses in noise(seed, count=2_000):
        still = losses | {"batch": losses["batch"] * 0.1, "tree": losses["tree"] * 1e6}
        blend.update(still, still)
    assert blend.weights()["batch"] > 0.8, blend.weights()
    for losses in noise(seed, count=20_000):
        better = losses | {"tree": losses["tree"] * 0.1}
        blend.update(better, better)
    assert blend.weights()["tree"] > 0.8, blend.weights()


def check_late_and_leaving(make: Maker, seed: int) -> None:
    blend = blend_with(make, ("batch", "speed"))
    steps = noise(seed)
    for losses in steps:
        blend.update(losses, losses)  # "tree" is not known yet
    before = blend.weights()
    assert set(before) == {"batch", "speed"}
    blend.enter("tree")
    entered = blend.weights()
    assert entered["tree"] == pytest.approx(1 / 3, abs=1e-6)
    blend.enter("tree")
    assert blend.weights() == entered
    blend.leave("tree")
    blend.leave("tree")
    assert blend.weights() == pytest.approx(before, abs=1e-6)
    blend.leave("batch")
    assert blend.weights() == {"speed": 1.0}
    blend.leave("speed")
    assert blend.weights() == {}


def check_sleepers_do_not_suffer(make: Maker, seed: int) -> None:
    experts = ("a", "b", "c", "d")
    blend = blend_with(make, experts)
    for losses in noise(seed, experts, 30):
        blend.update(losses, losses)
    before = blend.weights()
    for losses in noise(seed + 1, ("a", "b"), 5):
        blend.update(losses, losses)
    after = blend.weights()
    assert after["c"] * before["d"] == pytest.approx(after["d"] * before["c"], abs=1e-9)
    assert blend.weights(["c"]) == {"c": 1.0}
    alone = blend.weights()
    blend.update({"a": 1e9}, {"a": 1e9})
    assert blend.weights() == alone


def check_state_goes_on_to_the_bit(make: Maker, seed: int) -> None:
    blend = blend_with(make)
    steps = noise(seed)
    for losses in steps[:30]:
        blend.update(losses, losses)
    restored = blend_of(make, json.loads(json.dumps(blend.state(), sort_keys=True)))
    assert restored.state() == blend.state()
    for number, losses in enumerate(steps[30:]):
        if number == 10:
            blend.enter("late")
            restored.enter("late")
        blend.update(losses, losses)
        restored.update(losses, losses)
        assert restored.weights() == blend.weights()
    assert restored.state() == blend.state()
