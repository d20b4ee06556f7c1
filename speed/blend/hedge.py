"""hedge: the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, sqrt

from speed.blend.blend import Blend
from speed.blend.finite import SMALLEST


class Hedge(Blend):
    """Exponential weights with a fixed share, on slopes in units of their running spread."""

    name = "hedge"

    def __init__(self, experts: Iterable[str] = (), *, rate: float = 0.1, share: float = 0.001):
        self.rate = rate
        self.share = share
        self.spread = 0.0
        self.count = 0
        super().__init__(experts)

    def learn(self, losses: Mapping[str, float]) -> None:
        shares = self.shares
        mass = total = 0.0
        for expert, loss in losses.items():
            share = shares[expert]
            mass += share
            total += share * loss
        own = total / mass
        variance = 0.0
        for expert, loss in losses.items():
            variance += shares[expert] * (loss - own) ** 2
        spread = sqrt(variance / mass)
        if self.count:
            spread = min(spread, 10.0 * self.spread)
        elif spread < SMALLEST:
            return
        self.count += 1
        self.spread += (spread - self.spread) / min(self.count, 100)
        factor = self.rate / self.spread
        kept = 0.0
        learnt = {}
        for expert, loss in losses.items():
            gain = (own - loss) * factor
            learnt[expert] = share = shares[expert] * exp(max(-1.0, min(1.0, gain)))
            kept += share
        grow, given = (1.0 - self.share) * mass / kept, self.share * mass / len(losses)
        for expert, share in learnt.items():
            learnt[expert] = share * grow + given
        self.shares = learnt if len(learnt) == len(shares) else shares | learnt
