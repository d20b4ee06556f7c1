"""mean: equal weights, always."""

from __future__ import annotations

from collections.abc import Mapping

from speed.blend.blend import Blend


class Mean(Blend):
    """The plain mean of all experts.

    >>> Mean(["batch", "speed"]).weights()
    {'batch': 0.5, 'speed': 0.5}
    """

    name = "mean"

    def enter(self, expert: str, loss: float | None = None) -> None:
        experts = sorted({*self.shares, expert})
        self.shares = {name: 1.0 / len(experts) for name in experts}

    def learn(self, losses: Mapping[str, float]) -> None:
        """Nothing: whoever loses, weights stay equal."""
