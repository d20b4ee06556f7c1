"""boa: Bernstein Online Aggregation."""

from __future__ import annotations

from math import exp, log, sqrt

from speed.blend.second_order import SecondOrder

STEADY = 2.2
"""Rates stay below 1 / (range × √2.2) = 0.674 / range: exp(x - x²) ≤ 1 + x holds from -0.683 on."""


class Boa(SecondOrder):
    r"""Exponential weights on regrets less their squares, with a rate for each expert.

    Wintenberger 2017, *Optimal learning with Bernstein online aggregation* (Machine Learning 106), with the rates of
    its authors' package opera, :math:`\eta_k = 1 / \sqrt{2.2 (B_t^2 + V_k)}`:
    :math:`w_k \propto \eta_k e^{\eta_k L_k}`, where :math:`L_k` sums :math:`r_k - \eta_k r_k^2`.

    The (linearised) loss exceeds expert k's by at most
    :math:`\sqrt{2.2 (B_T^2 + V_k)} (\ln n + \ln(1 + Q)) + 2 \sqrt{V_k / 2.2} + B_T`, where
    :math:`Q = \frac{1}{2} \max_j \ln((B_T^2 + V_j) / B_0^2)`.

    Proof: let :math:`\Phi` be the mean of :math:`e^{\eta_k L_k}`. One example multiplies each term by at most
    :math:`1 + \eta_k r_k`, and weighted regrets sum to zero, so :math:`\Phi` does not grow but where rates fall; as
    :math:`z^a \le z + 1 - a`, that adds at most :math:`1 - a` with a the ratio of the rates, and
    :math:`1 - a \le -\ln a` sums to Q. Hence :math:`L_k \le (\ln n + \ln(1 + Q)) / \eta_k`. The squares cost
    :math:`\sum \eta_k r_k^2 \le 2 \sqrt{V_k / 2.2}`, and shrinking the range.
    """

    name = "boa"

    def penalty(self, expert: str, square: float) -> float:
        return square / self._inverse_rate(self.squares[expert])

    def share(self) -> None:
        inverse_rates = {expert: self._inverse_rate(square) for expert, square in self.squares.items()}
        exponents = {expert: regret / inverse_rates[expert] for expert, regret in self.regrets.items()}
        highest = max(exponents.values())
        grown = {expert: exp(exponents[expert] - highest) / inverse_rates[expert] for expert in exponents}
        mass = sum(grown.values())
        self.shares = {expert: weight / mass for expert, weight in grown.items()}

    def fair(self, square: float) -> float:
        inverse_rates = {expert: self._inverse_rate(square) for expert, square in self.squares.items()}
        exponents = {expert: regret / inverse_rates[expert] for expert, regret in self.regrets.items()}
        highest, mine = max(exponents.values()), self._inverse_rate(square)
        mean = sum(exp(exponents[expert] - highest) * mine / inverse_rates[expert] for expert in exponents)
        return mine * (highest + log(mean / len(exponents)))

    def _inverse_rate(self, square: float) -> float:
        return sqrt(STEADY * (self.range * self.range + square))
