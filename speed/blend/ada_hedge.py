"""ada_hedge: Hedge that tunes its own rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, inf, log

from speed.blend.blend import Blend
from speed.blend.finite import SMALLEST


class AdaHedge(Blend):
    r"""Exponential weights whose rate follows from what mixing has cost so far.

    De Rooij, van Erven, Grünwald and Koolen 2014, *Follow the leader if you can, hedge if you must* (JMLR 15), on
    slopes: the rate is :math:`\ln n / \Delta`, where :math:`\Delta` is the sum of all mixability gaps. It needs
    neither range nor horizon and its weights do not change when all losses are multiplied. It never forgets.

    Their theorem 8: the (linearised) loss exceeds that of the best expert by at most
    :math:`2 \sqrt{V_T \ln n} + S_T (\frac{4}{3} \ln n + 2)`, where :math:`S_T` is the widest range of one example's
    losses and :math:`V_T` the sum of their variances under the weights.

    A sleeping expert is charged what the blend lost, so that nothing changes between it and the blend.
    """

    name = "ada_hedge"

    def __init__(self, experts: Iterable[str] = ()):
        self.losses: dict[str, float] = {}
        self.gap = 0.0
        super().__init__(experts)

    def enter(self, expert: str, loss: float | None = None) -> None:
        if expert not in self.losses:
            least, excess = self._mixed(len(self.losses) + 1)
            entered = self.losses | {expert: least + excess}
            self.losses = {name: entered[name] for name in sorted(entered)}
            self._share()

    def leave(self, expert: str) -> None:
        if self.losses.pop(expert, None) is not None:
            self._share()

    def learn(self, losses: Mapping[str, float]) -> None:
        weights = self.weights(losses)
        own = sum(weights[expert] * loss for expert, loss in losses.items())
        n, total = len(self.losses), self.losses
        least, excess = self._mixed(n)
        for expert in total:
            total[expert] += losses.get(expert, own) - least
        after_least, after_excess = self._mixed(n)
        gap = own - (after_least + (after_excess - excess))
        if gap > SMALLEST:
            self.gap += gap
        self._share()

    def _rate(self, n: int) -> float:
        return log(max(n, 2)) / self.gap if self.gap > 0.0 else inf

    def _mixed(self, n: int) -> tuple[float, float]:
        """The mix loss of all experts so far, with the rate for n of them: the least, and what is above it."""
        if not self.losses:
            return 0.0, 0.0
        rate, least = self._rate(n), min(self.losses.values())
        if rate == inf:
            return least, 0.0
        mean = sum(exp((least - loss) * rate) for loss in self.losses.values()) / len(self.losses)
        return least, -log(mean) / rate

    def _share(self) -> None:
        rate, least = self._rate(len(self.losses)), min(self.losses.values(), default=0.0)
        if rate == inf:
            grown = {expert: float(loss <= least) for expert, loss in self.losses.items()}
        else:
            grown = {expert: exp((least - loss) * rate) for expert, loss in self.losses.items()}
        mass = sum(grown.values())
        self.shares = {expert: weight / mass for expert, weight in grown.items()}
