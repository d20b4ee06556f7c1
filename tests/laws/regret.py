"""How much more a blend loses than each expert, against adversaries, and how much its theorem lets it."""

from __future__ import annotations

from collections.abc import Iterator
from math import log, sqrt
from random import Random

from speed.blend import Blend
from speed.blend.ada_hedge import AdaHedge
from speed.blend.boa import STEADY
from speed.blend.fixed_share import FixedShare
from speed.blend.ml_poly import MlPoly
from speed.blend.second_order import SecondOrder
from tests.laws.blend_checks import EXPERTS, Losses, Maker, blend_with


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
