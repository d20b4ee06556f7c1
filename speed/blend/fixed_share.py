"""fixed_share: plain Hedge that gives everybody a little at every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp

from speed.blend.blend import Blend
from speed.blend.finite import SMALLEST


class FixedShare(Blend):
    r"""Exponential weights on losses, with a fixed share for every expert after each example.

    Herbster and Warmuth 1998, *Tracking the best expert*, with the losses divided by the widest range :math:`S_t` of
    one example's losses so far: :math:`v_k \propto w_k e^{-\eta \ell_k / S_t}`, then
    :math:`w_k = (1 - \alpha) v_k + \alpha / n`.

    Its loss exceeds that of any sequence of experts with m changes in T examples by at most
    :math:`S_T ((m + 1) \ln(n / \alpha) - (T - 1 - m) \ln(1 - \alpha)) / \eta + S_T \eta T / 8`. (In units of the
    range this is their bound for any stretch of examples that ends with the last, by Hoeffding's lemma; the range only
    grows, so summation by parts gives it for the losses themselves.)

    Parameters
    ----------
    rate
        :math:`\eta`. The default and the share's are the best over all development streams (docs/quality.md).
    share
        :math:`\alpha`, the part of the weight that is shared out after each example.
    """

    name = "fixed_share"
    linear = False

    def __init__(self, experts: Iterable[str] = (), *, rate: float = 0.5, share: float = 0.001):
        self.rate = rate
        self.share = share
        self.range = 0.0
        super().__init__(experts)

    def learn(self, losses: Mapping[str, float]) -> None:
        least = min(losses.values())
        spread = max(losses.values()) - least
        if spread > self.range:
            self.range = spread
        if self.range < SMALLEST:
            return
        shares, factor = self.shares, self.rate / self.range
        mass = kept = 0.0
        learnt = {}
        for expert, loss in losses.items():
            share = shares[expert]
            mass += share
            learnt[expert] = share = share * exp((least - loss) * factor)
            kept += share
        grow, given = (1.0 - self.share) * mass / kept, self.share * mass / len(losses)
        for expert, share in learnt.items():
            learnt[expert] = share * grow + given
        self.shares = learnt if len(learnt) == len(shares) else shares | learnt
