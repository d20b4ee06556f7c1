"""What the blends share whose rates follow from squared regrets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping

from speed.blend.blend import Blend
from speed.blend.finite import SMALLEST


class SecondOrder(Blend):
    r"""Sums of regrets and of their squares, for every expert its own.

    The regret of an example is the blend's slope minus the expert's; that of a sleeping expert is zero. The range of
    regrets need not be known: a regret beyond the widest so far counts as that wide, and with it all regrets of the
    example are shrunk by the same factor. That loses no more than the final range in all (Mhammedi, Koolen and
    van Erven 2019, *Lipschitz adaptivity with multiple learning rates in online learning*, section 3), and nothing
    changes when all losses are multiplied.

    Below, :math:`r` are the regrets shrunk so, :math:`B_t` is their range up to example t, the first that is not zero
    included (:math:`B_0`), and :math:`V_k` the sum of squares of expert k.
    """

    def __init__(self, experts: Iterable[str] = ()):
        self.regrets: dict[str, float] = {}
        self.squares: dict[str, float] = {}
        self.range = 0.0
        super().__init__(experts)

    @abstractmethod
    def penalty(self, expert: str, square: float) -> float:
        """What is taken from a regret, given its square and the sums so far."""

    @abstractmethod
    def share(self) -> None:
        """Set `shares` after regrets and squares."""

    @abstractmethod
    def fair(self, square: float) -> float:
        """The regret with which a new expert, given its sum of squares, gets the mean weight of the others."""

    def enter(self, expert: str, loss: float | None = None) -> None:
        if expert not in self.regrets:
            n = len(self.squares)
            square = sum(self.squares.values()) / n if n else 0.0
            regrets = self.regrets | {expert: self.fair(square) if n and self.range else 0.0}
            squares = self.squares | {expert: square}
            self.regrets = {name: regrets[name] for name in sorted(regrets)}
            self.squares = {name: squares[name] for name in sorted(squares)}
            self._reshare()

    def leave(self, expert: str) -> None:
        if self.regrets.pop(expert, None) is not None:
            del self.squares[expert]
            self._reshare()

    def learn(self, losses: Mapping[str, float]) -> None:
        weights = self.weights(losses)
        own = sum(weights[expert] * loss for expert, loss in losses.items())
        widest = max(abs(own - loss) for loss in losses.values())
        known = self.range or widest
        if known < SMALLEST:
            return
        shrink = known / widest if widest > known else 1.0
        self.range = known
        for expert, loss in losses.items():
            regret = (own - loss) * shrink
            square = regret * regret
            self.regrets[expert] += regret - self.penalty(expert, square)
            self.squares[expert] += square
        self.range = max(known, widest)
        self.share()

    def _reshare(self) -> None:
        if self.range and self.regrets:
            self.share()
        else:
            self.shares = {expert: 1.0 / len(self.regrets) for expert in self.regrets}
