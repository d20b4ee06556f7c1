"""hedge: the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, inf, sqrt

from speed.blend.blend import Blend
from speed.blend.finite import SMALLEST, finite

SCALE_EXAMPLES = 100
"""How many examples the running scale of an expert's gains looks back."""

MEAN_EXAMPLES = 1_000
"""How many examples the running mean of an expert's losses looks back."""

LARGEST_GAIN = 10.0
"""In units of their scale. A wilder gain counts as this, so that one label in a thousand cannot decide."""

USUAL_LOSS = 30.0
"""A loss that exceeds the best expert's by more than this, in units of the best mean loss, counts beside the slope."""

SMALLEST_SQUARE = SMALLEST * SMALLEST

LEAST_PART = 1e-12
"""What the worst expert is given, of what the best is: a weight must not vanish, or nothing brings it back."""

KNOWN_EXAMPLES = 100
"""As how many examples a loss counts that is known when an expert enters."""


class Hedge(Blend):
    r"""Exponential weights with a fixed share, on slopes in units of their running scale.

    For expert k let :math:`g_k` be the blend's slope minus its own (the gain of moving weight to it), and
    :math:`\sigma_k` the running root mean square of :math:`g_k`. One example does
    :math:`v_k \propto w_k e^{\eta (g_k / \sigma_k - h_k)}`, then :math:`w_k = (1 - \alpha) v_k + \alpha \pi_k`.

    - Slopes rather than losses: weights seek the best mixture, not the best expert, and two models that err
      differently are better together (the gradient trick: Cesa-Bianchi and Lugosi 2006, section 2.5).
    - A scale for each expert, so that no unit matters and a wild expert does not drown the others (rates of its own
      for each: Gaillard, Stoltz and van Erven 2014; the running root mean square: Tieleman and Hinton 2012).
    - A fixed share, so that it finds back to an expert within some hundred examples (Herbster and Warmuth 1998). It is
      given in proportion to the inverse squares of mean losses, :math:`\pi_k` (inverse losses: Bates and Granger 1969,
      *The combination of forecasts*; squared, a bad expert gets too little to hurt, a diverged one nothing).
    - :math:`h_k` is zero but for a loss far beyond what is usual (`USUAL_LOSS`): slopes are blind for an outlier of an
      expert that has no weight at that moment, losses are not.

    In its own units it keeps the bound of Herbster and Warmuth: for every sequence of experts with m changes in T
    examples, :math:`x_k` being the exponents above, the sum of :math:`x_k` along the sequence exceeds that of
    :math:`\ln \sum_j w_j e^{x_j}` by at most
    :math:`\ln (1 / w_{k_1}) + \sum_{changes} \ln (1 / \alpha \pi_k) - (T - m) \ln(1 - \alpha)`.

    Parameters
    ----------
    rate, share
        :math:`\eta` and :math:`\alpha`, tuned once over all development streams together (docs/quality.md).
    """

    name = "hedge"

    def __init__(self, experts: Iterable[str] = (), *, rate: float = 0.01, share: float = 0.003):
        self.rate = rate
        self.share = share
        self.seen: dict[str, list[float]] = {}  # by expert: mean loss, mean square of gains, examples so far
        super().__init__(experts)

    def enter(self, expert: str, loss: float | None = None) -> None:
        """As in `Blend`; with a known loss, its weight is that of its inverse loss among the others'."""
        if expert in self.shares:
            return
        super().enter(expert)
        known = loss is not None and all(count for _, _, count in self.seen.values())
        seen = self.seen | {expert: [loss or 0.0, 0.0, float(KNOWN_EXAMPLES * known)]}
        self.seen = {name: seen[name] for name in sorted(seen)}
        if known:
            fair, given = self.shares[expert], inverse({name: facts[0] for name, facts in seen.items()})[expert]
            self.shares = {
                name: given if name == expert else share * (1.0 - given) / (1.0 - fair) if fair < 1.0 else 0.0
                for name, share in self.shares.items()
            }

    def leave(self, expert: str) -> None:
        super().leave(expert)
        self.seen.pop(expert, None)

    def update(self, losses: Mapping[str, float], slopes: Mapping[str, float]) -> None:
        losses, slopes = finite(losses), finite(slopes)
        shares, seen = self.shares, self.seen
        # an expert without a loss sleeps: neither its weight nor what is known of it moves
        awake = [expert for expert in shares if expert in losses and expert in slopes]
        mass = total = 0.0
        best = least = inf
        for expert in awake:
            share, loss, facts = shares[expert], losses[expert], seen[expert]
            mass += share
            total += share * slopes[expert]
            count = facts[2] = facts[2] + 1.0
            # a plain mean for the first examples, from then on one that forgets: its rate never falls below 1 in 1,000
            mean = facts[0] = facts[0] + (loss - facts[0]) / (count if count < MEAN_EXAMPLES else MEAN_EXAMPLES)
            best = mean if mean < best else best
            least = loss if loss < least else least
        if len(awake) > 1 and mass > 0.0:
            self._move(awake, losses, slopes, mass, total / mass, least, best if best > SMALLEST else SMALLEST)

    def learn(self, losses: Mapping[str, float]) -> None:
        """Not called: it learns from both, losses and slopes, in `update`."""

    def _move(
        self,
        awake: list[str],
        losses: Mapping[str, float],
        slopes: Mapping[str, float],
        mass: float,
        own: float,
        least: float,
        best: float,
    ) -> None:
        """Move weight among those awake, given their whole weight, the blend's slope, least loss and best mean."""
        shares, seen, rate = self.shares, self.seen, self.rate
        usual, highest = least + USUAL_LOSS * best, -inf
        exponents = []
        for expert in awake:
            # what moving weight to this expert would have gained; the scale is its own, so that no unit matters
            exponent = scaled(seen[expert], own - slopes[expert])
            if losses[expert] > usual:
                exponent -= (losses[expert] - usual) / best
            exponents.append(exponent)
            highest = exponent if exponent > highest else highest
        grown, given = [], []
        for expert, exponent in zip(awake, exponents, strict=True):
            mean = seen[expert][0]
            # the highest exponent is taken off all: their ratios stay, and exp() can neither overflow nor be 0 for all
            grown.append(shares[expert] * exp(rate * (exponent - highest)))
            given.append(max((best / mean) ** 2, LEAST_PART) if mean > best else 1.0)
        # those awake share the mass that they had, so that those asleep keep theirs: most by what they learnt, a fixed
        # share by their mean losses
        grow, give = (1.0 - self.share) * mass / sum(grown), self.share * mass / sum(given)
        learnt = {e: grow * share + give * part for e, share, part in zip(awake, grown, given, strict=True)}
        self.shares = learnt if len(learnt) == len(shares) else shares | learnt


def scaled(facts: list[float], gain: float) -> float:
    """The gain in units of its running scale, which it enters."""
    square, mean = gain * gain, facts[1]
    if mean < SMALLEST_SQUARE:
        facts[1] = square
        return 0.0 if square < SMALLEST_SQUARE else 1.0 if gain > 0.0 else -1.0
    # cut before it enters the mean: one wild gain must not make all that follow look small
    if square > LARGEST_GAIN * LARGEST_GAIN * mean:
        square = LARGEST_GAIN * LARGEST_GAIN * mean
        gain = sqrt(square) if gain > 0.0 else -sqrt(square)
    count = facts[2]
    facts[1] = mean = mean + (square - mean) / (count if count < SCALE_EXAMPLES else SCALE_EXAMPLES)
    return gain / sqrt(mean)


def inverse(means: Mapping[str, float]) -> dict[str, float]:
    """Weights in proportion to the inverse squares of mean losses; all to the perfect, if there are any.

    >>> inverse({"batch": 1.0, "speed": 2.0})
    {'batch': 0.8, 'speed': 0.2}
    """
    best = max(min(means.values()), SMALLEST)
    parts = {expert: max((best / max(mean, best)) ** 2, LEAST_PART) for expert, mean in means.items()}
    total = sum(parts.values())
    return {expert: part / total for expert, part in parts.items()}
