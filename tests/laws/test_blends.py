"""The laws that every blend keeps, and for each law a blend that breaks it, so that we know that it can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from math import log, sqrt
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speed.blend import BLENDS, Blend, blend_of, loss, slope
from speed.blend.ada_hedge import AdaHedge
from speed.blend.boa import STEADY
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge
from speed.blend.mean import Mean
from speed.blend.ml_poly import MlPoly
from speed.blend.second_order import SecondOrder

Losses = dict[str, float]
Maker = Callable[[], Blend]

LEARNERS = ("hedge", "fixed_share", "ada_hedge", "boa", "ml_poly")
EXPERTS = ("batch", "speed", "tree")
SEEDS = st.integers(0, 10**6)
MANY = settings(max_examples=50)
FEW = settings(max_examples=5)


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


# weights


def check_weights_are_convex(make: Maker, steps: list[Losses]) -> None:
    blend = blend_with(make)
    for losses in steps:
        blend.update(losses, losses)
        for weights in (blend.weights(), blend.weights(["batch", "tree"]), blend.weights(["speed"])):
            assert all(weight >= 0.0 for weight in weights.values()), weights
            assert sum(weights.values()) == pytest.approx(1.0, abs=1e-9)


ANY_LOSS = (
    st.floats(allow_nan=True, allow_infinity=True) | st.floats(-10, 10) | st.sampled_from([0.0, 1.0, 1e6, 5e-324])
)
ANY_STEPS = st.lists(st.dictionaries(st.sampled_from(EXPERTS), ANY_LOSS), max_size=30)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(steps=ANY_STEPS)
def test_weights_are_convex_whatever_losses_come(name: str, steps: list[Losses]) -> None:
    check_weights_are_convex(BLENDS[name], steps)


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


@pytest.mark.parametrize("name", [name for name in BLENDS if name not in EXPERTS])
@MANY
@given(seed=SEEDS)
def test_a_permutation_of_experts_permutes_the_weights(name: str, seed: int) -> None:
    check_names_mean_nothing(BLENDS[name], seed)


def check_scale_free(make: Maker, seed: int, factor: float, tolerance: float) -> None:
    blend, other = blend_with(make), blend_with(make)
    for losses in noise(seed):
        blend.update(losses, losses)
        larger = {expert: value * factor for expert, value in losses.items()}
        other.update(larger, larger)
        assert other.weights() == pytest.approx(blend.weights(), abs=tolerance)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS, factor=st.floats(1e-9, 1e9))
def test_losses_in_another_unit_give_the_same_weights(name: str, seed: int, factor: float) -> None:
    check_scale_free(BLENDS[name], seed, factor, 1e-9)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS, power=st.integers(-30, 30))
def test_losses_in_a_unit_that_is_a_power_of_two_give_the_same_floats(name: str, seed: int, power: int) -> None:
    check_scale_free(BLENDS[name], seed, 2.0**power, 0.0 if name not in ("ada_hedge", "boa") else 1e-12)


# whom they follow


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


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error", "log_loss"])
@pytest.mark.parametrize("name", LEARNERS)
@FEW
@given(seed=SEEDS)
def test_the_weight_of_a_perfect_expert_goes_to_one(name: str, metric: str, seed: int) -> None:
    check_the_perfect_one_wins(BLENDS[name], metric, seed)


def check_the_diverged_one_is_out(make: Maker, seed: int, *, limit: float = 0.1) -> None:
    """Its losses become a million times larger; it is out within some examples, whatever it was worth before.

    They are wild, but of one size: to a blend whose unit is the widest loss ever seen, one that is a hundred times
    wider than the others makes those weigh nothing.
    """
    blend, chance = blend_with(make), Random(seed)
    for losses in noise(seed, count=200):
        better = losses | {"tree": losses["tree"] * 0.1}
        blend.update(better, better)
    for losses in noise(seed, count=100):
        wild = losses | {"tree": 1e6 * chance.uniform(0.5, 1.5)}
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


@pytest.mark.parametrize("name", LEARNERS)
@FEW
@given(seed=SEEDS)
def test_a_diverged_expert_is_out_weighted(name: str, seed: int) -> None:
    check_the_diverged_one_is_out(BLENDS[name], seed)


@FEW
@given(seed=SEEDS)
def test_the_default_blend_recovers_from_a_diverged_expert(seed: int) -> None:
    """The others never forget, or their unit is the widest loss ever seen."""
    check_the_diverged_one_is_out(Hedge, seed, limit=0.01)
    check_the_blend_recovers(Hedge, seed)


# regret


def adversary(kind: str, chance: Random, blend: Blend, number: int) -> Losses:
    """Losses between zero and one, chosen with the weights in view."""
    weights = blend.weights()
    if kind == "against the heaviest":
        heaviest = max(weights, key=weights.__getitem__)
        return {expert: float(expert == heaviest) for expert in weights}
    if kind == "by weight":
        return {expert: weight**0.5 * chance.random() for expert, weight in weights.items()}
    if kind == "in turns":
        return {expert: float((number // 50) % len(weights) == place) for place, expert in enumerate(weights)}
    if kind == "random":
        return {expert: float(chance.random() < 0.5) for expert in weights}
    return {expert: chance.random() * (1.0 if number > 100 else 1e-3) for expert in weights}


KINDS = ("against the heaviest", "by weight", "in turns", "random", "small, then large")


def played(make: Maker, kind: str, seed: int, count: int) -> Iterator[tuple[Blend, Losses, Losses, float]]:
    """(the blend, its weights, the losses, the blend's own) of each example, before the blend learns from it."""
    blend, chance = blend_with(make), Random(seed)
    for number in range(count):
        weights = blend.weights()
        losses = adversary(kind, chance, blend, number)
        yield blend, weights, losses, sum(weights[expert] * losses[expert] for expert in losses)
        blend.update(losses, losses)


def regret_and_bound(make: Maker, kind: str, seed: int, count: int = 400) -> Iterator[tuple[float, float]]:
    """For every expert: by how much the blend lost more, and by how much its theorem lets it."""
    regrets = dict.fromkeys(EXPERTS, 0.0)
    variance = spread = 0.0
    first: float | None = None
    for blend, weights, losses, own in played(make, kind, seed, count):  # noqa: B007
        variance += sum(weights[expert] * (losses[expert] - own) ** 2 for expert in losses)
        spread = max(spread, max(losses.values()) - min(losses.values()))
        for expert in losses:
            regrets[expert] += own - losses[expert]
        if first is None and len(set(losses.values())) > 1:
            first = max(abs(own - value) for value in losses.values())
    bounds = bounds_of(blend, count, variance, spread, first or 1.0)
    for expert in EXPERTS:
        yield regrets[expert], bounds[expert]


def bounds_of(blend: Blend, count: int, variance: float, spread: float, first: float) -> Losses:
    n = len(EXPERTS)
    if isinstance(blend, FixedShare):
        changes = log(n / blend.share) - (count - 1) * log(1.0 - blend.share)
        return dict.fromkeys(EXPERTS, spread * (changes / blend.rate + blend.rate * count / 8.0))
    if isinstance(blend, AdaHedge):
        return dict.fromkeys(EXPERTS, 2.0 * sqrt(variance * log(n)) + spread * (4.0 / 3.0 * log(n) + 2.0))
    if isinstance(blend, SecondOrder):
        ranges = {expert: blend.range**2 + square for expert, square in blend.squares.items()}
        if isinstance(blend, MlPoly):
            sums = sum(log(ranges[expert] / first**2, 2) for expert in EXPERTS)
            return {expert: blend.range + sqrt(ranges[expert] * sums) for expert in EXPERTS}
        entropy = log(n) + log(1.0 + max(log(ranges[expert] / first**2) for expert in EXPERTS) / 2.0)
        return {
            expert: sqrt(STEADY * ranges[expert]) * entropy + 2.0 * sqrt(blend.squares[expert] / STEADY) + blend.range
            for expert in EXPERTS
        }
    raise AssertionError(f"no theorem for {blend.name}")


def check_regret_is_within_the_theorem(make: Maker, kind: str, seed: int) -> None:
    for regret, bound in regret_and_bound(make, kind, seed):
        assert regret <= bound + 1e-9, (regret, bound)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "hedge"])
@FEW
@given(seed=SEEDS)
def test_regret_is_within_the_bound_of_the_theorem(name: str, kind: str, seed: int) -> None:
    check_regret_is_within_the_theorem(BLENDS[name], kind, seed)


# experts that come, go and sleep


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


@pytest.mark.parametrize("name", [*LEARNERS, "mean"])
@MANY
@given(seed=SEEDS)
def test_an_expert_that_comes_late_gets_a_fair_share_and_gives_it_back(name: str, seed: int) -> None:
    check_late_and_leaving(BLENDS[name], seed)


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


@pytest.mark.parametrize("name", [name for name in (*LEARNERS, "mean") if name not in ("boa", "ml_poly", "ada_hedge")])
@MANY
@given(seed=SEEDS)
def test_experts_that_sleep_keep_their_weight(name: str, seed: int) -> None:
    check_sleepers_do_not_suffer(BLENDS[name], seed)


# state


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


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS)
def test_a_restored_blend_goes_on_to_the_bit(name: str, seed: int) -> None:
    check_state_goes_on_to_the_bit(BLENDS[name], seed)


# every law can fail


class Unnormalised(Mean):
    def learn(self, losses: Mapping[str, float]) -> None:
        for expert, value in losses.items():
            self.shares[expert] -= 0.001 * (value > 0)


class ByOrder(Mean):
    """Whoever comes first by name gets more."""

    def learn(self, losses: Mapping[str, float]) -> None:
        self.shares = {expert: 2.0 ** -(place + 1) for place, expert in enumerate(self.shares)}


class InUnits(Hedge):
    """Losses as they come, in their own unit."""

    def update(self, losses: Mapping[str, float], slopes: Mapping[str, float]) -> None:
        grown = {expert: 1.0 / (1.0 + value) for expert, value in losses.items()}
        self.shares = {expert: value / sum(grown.values()) for expert, value in grown.items()}


class Backwards(FixedShare):
    """Follows the worst."""

    def learn(self, losses: Mapping[str, float]) -> None:
        super().learn({expert: -value for expert, value in losses.items()})


class Greedy(FixedShare):
    """Follows whoever was best last: linear regret against an adversary."""

    def learn(self, losses: Mapping[str, float]) -> None:
        best = min(losses, key=losses.__getitem__)
        self.range = 1.0
        self.shares = {expert: float(expert == best) for expert in self.shares}


class Everything(Mean):
    """Whoever enters takes all."""

    def enter(self, expert: str, loss: float | None = None) -> None:
        self.shares = dict.fromkeys(self.shares, 0.0) | {expert: 1.0}


class Punishing(FixedShare):
    """Who sleeps is taken for wrong."""

    def learn(self, losses: Mapping[str, float]) -> None:
        absent = {expert: 1e6 * place for place, expert in enumerate(self.shares)}
        super().learn(absent | dict(losses))


class Forgetful(Hedge):
    def state(self) -> dict[str, Any]:
        return super().state() | {"seen": {expert: [0.0, 0.0, 0.0] for expert in self.seen}}


BROKEN: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
    (check_weights_are_convex, (Unnormalised, noise(1))),
    (check_names_mean_nothing, (ByOrder, 1)),
    (check_scale_free, (InUnits, 1, 1e3, 1e-9)),
    (check_the_perfect_one_wins, (Mean, "squared_error", 1)),
    (check_the_perfect_one_wins, (Backwards, "log_loss", 1)),
    (check_the_diverged_one_is_out, (Mean, 1)),
    (check_the_blend_recovers, (MlPoly, 1)),
    (check_regret_is_within_the_theorem, (Greedy, "against the heaviest", 1)),
    (check_late_and_leaving, (Everything, 1)),
    (check_sleepers_do_not_suffer, (Punishing, 1)),
    (check_state_goes_on_to_the_bit, (Forgetful, 1)),
]


@pytest.mark.parametrize(("check", "arguments"), BROKEN, ids=lambda part: getattr(part, "__name__", ""))
def test_every_law_can_fail(check: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError):
        check(*arguments)


def test_no_law_is_without_a_blend_that_breaks_it() -> None:
    laws = {value for name, value in globals().items() if name.startswith("check_")}
    assert laws == {check for check, _ in BROKEN}
