"""For each law of the blends one that breaks it, so that we know that it can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from speed.blend.equal_weights import Mean
from speed.blend.fixed_share import FixedShare
from speed.blend.hedge import Hedge
from speed.blend.ml_poly import MlPoly
from tests.laws import blend_checks, regret
from tests.laws.blend_checks import noise


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
    (blend_checks.check_weights_are_convex, (Unnormalised, noise(1))),
    (blend_checks.check_names_mean_nothing, (ByOrder, 1)),
    (blend_checks.check_scale_free, (InUnits, 1, 1e3, 1e-9)),
    (blend_checks.check_the_perfect_one_wins, (Mean, "squared_error", 1)),
    (blend_checks.check_the_perfect_one_wins, (Backwards, "log_loss", 1)),
    (blend_checks.check_the_diverged_one_is_out, (Mean, 1)),
    (blend_checks.check_the_blend_recovers, (MlPoly, 1)),
    (regret.check_regret_is_within_the_theorem, (Greedy, "against the heaviest", 1)),
    (blend_checks.check_late_and_leaving, (Everything, 1)),
    (blend_checks.check_sleepers_do_not_suffer, (Punishing, 1)),
    (blend_checks.check_state_goes_on_to_the_bit, (Forgetful, 1)),
]


@pytest.mark.parametrize(("check", "arguments"), BROKEN, ids=lambda part: getattr(part, "__name__", ""))
def test_every_law_can_fail(check: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError):
        check(*arguments)


def test_no_law_is_without_a_blend_that_breaks_it() -> None:
    laws = {
        check for module in (blend_checks, regret) for name, check in vars(module).items() if name.startswith("check_")
    }
    assert laws == {check for check, _ in BROKEN}
