"""single: one expert alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from speed.blend.equal_weights import Mean


class Single(Mean):
    """All the weight to one expert; while it is not there, or sleeps, the mean of the others.

    Parameters
    ----------
    chosen
        The name of the expert: ``"batch"`` or ``"speed"``, or one of several speed models.

    >>> blend = Single("batch", ["speed"])
    >>> blend.weights()
    {'speed': 1.0}
    >>> blend.enter("batch")
    >>> blend.weights()
    {'batch': 1.0, 'speed': 0.0}
    """

    name = "single"

    def __init__(self, chosen: str, experts: Iterable[str] = ()):
        self.chosen = chosen
        super().__init__(experts)

    def weights(self, among: Collection[str] | None = None) -> dict[str, float]:
        weights = super().weights(among)
        if self.chosen in weights:
            return {expert: float(expert == self.chosen) for expert in weights}
        return weights
