"""ml_poly: polynomial weights with a rate for each expert."""

from __future__ import annotations

from speed.blend.second_order import SecondOrder


class MlPoly(SecondOrder):
    r"""Weights in proportion to an expert's positive regret, times its own rate.

    Gaillard, Stoltz and van Erven 2014, *A second-order bound with excess losses* (COLT), section 3.1: ML-Poly with
    :math:`\eta_k = 1 / (B_t^2 + V_k)` and :math:`w_k \propto \eta_k \max(0, R_k)`; equal weights if no regret is
    positive. An expert that lags behind the blend has no weight at all, however little it lags.

    The (linearised) loss exceeds expert k's by at most
    :math:`B_T + \sqrt{(B_T^2 + V_k) \sum_j \log_2((B_T^2 + V_j) / B_0^2)}` (their theorem 5, with the range unknown).
    Proof: weighted regrets sum to zero, so the sum of :math:`\eta_k \max(0, R_k)^2` grows at one example by no more
    than that of :math:`\eta_k r_k^2`, and :math:`u \le \log_2(1 + u)` for these, which are at most one.
    """

    name = "ml_poly"

    def penalty(self, expert: str, square: float) -> float:
        return 0.0

    def share(self) -> None:
        unit = self.range * self.range
        grown = {
            expert: regret / (unit + self.squares[expert]) if regret > 0.0 else 0.0
            for expert, regret in self.regrets.items()
        }
        mass = sum(grown.values())
        if mass > 0.0:
            self.shares = {expert: weight / mass for expert, weight in grown.items()}
        else:
            self.shares = {expert: 1.0 / len(grown) for expert in grown}

    def fair(self, square: float) -> float:
        unit = self.range * self.range
        grown = [max(0.0, regret) / (unit + self.squares[expert]) for expert, regret in self.regrets.items()]
        return (unit + square) * sum(grown) / len(grown)
