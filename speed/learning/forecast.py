"""A forecast: the answer of a model to one example, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anabranch import Cut
from anabranch.features import Features
from anabranch.model import LabelValue
from eventlog.decisions import Publication
from speed.base_layer import Part, Predictor

BATCH = "batch"
"""The name of the expert that is the champion of the batch layer."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model answers.

    Attributes
    ----------
    prediction
        The blend: a number, or the probability of every class. None: nobody has learnt anything yet.
    parts
        What each expert said, within the range of labels seen; None where it said nothing finite.
    weights
        By expert; their sum is one.
    """

    prediction: Part | None
    parts: dict[str, Part | None]
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of labels that a model has seen: every part is clipped to it. None: it has seen none."""

    low: float | None = None
    high: float | None = None

    def has(self, value: float) -> bool:
        """Whether a number is known to be within."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high

    def is_far(self, value: float) -> bool:
        """Whether a number is farther from the range than it is wide."""
        if self.low is None or self.high is None:
            return False
        width = self.high - self.low
        return not self.low - width <= value <= self.high + width

    def clip(self, value: float) -> float:
        """The nearest number within."""
        low, high = self.low, self.high
        if low is None or high is None or low <= value <= high:
            return value
        return low if value < low else high


@dataclass(frozen=True, slots=True)
class PendingForecast:
    """A question to a model, answered as far as the speed layer can: the champion is asked outside its lock.

    Attributes
    ----------
    features
        As the views stand.
    parts
        What the experts of the speed layer say.
    predictor, version
        The champion; None: there is none.
    shares
        The weights of all experts.
    bounds
        The range of labels.
    publication, cut
        What the answer covers.
    """

    features: Features
    parts: Mapping[str, Part | None]
    predictor: Predictor | None
    version: int | None
    shares: Mapping[str, float]
    bounds: Bounds
    publication: Publication | None
    cut: Cut

    def answer(self, batch: Part | None) -> Forecast:
        """The forecast, given what the champion says; None: there is none, or it says nothing."""
        parts = dict(self.parts)
        if self.predictor is not None:
            finite = not isinstance(batch, float) or batch - batch == 0.0
            parts = {BATCH: batch if finite else None, **parts}
        usable = {expert: self._clipped(part) for expert, part in parts.items() if part is not None}
        weights = among(self.shares, usable)
        told = {expert: usable.get(expert) for expert in parts}
        return Forecast(blended(usable, weights, self.bounds), told, {**dict.fromkeys(parts, 0.0), **weights})

    def _clipped(self, part: Part) -> Part:
        """As the blend takes it: the answer follows from the parts and the weights that it tells."""
        return self.bounds.clip(part) if isinstance(part, float) else part


def among(shares: Mapping[str, float], experts: Mapping[str, object]) -> dict[str, float]:
    """The weights of those experts that have a prediction: they share the weight of the others in proportion."""
    awake = {expert: shares[expert] for expert in experts if expert in shares}
    mass = sum(awake.values())
    if mass > 0.0:
        return {expert: share / mass for expert, share in awake.items()}
    return {expert: 1.0 / len(awake) for expert in awake}


def blended(parts: Mapping[str, Part], weights: Mapping[str, float], bounds: Bounds) -> Part | None:
    """The weighted mean of the parts."""
    if not weights:
        return None
    if not isinstance(next(iter(parts.values())), float):
        mixed: dict[LabelValue, float] = {}
        for expert, weight in weights.items():
            part = parts[expert]
            assert isinstance(part, Mapping)
            for label, p in part.items():
                mixed[label] = mixed.get(label, 0.0) + weight * p
        return mixed
    total = 0.0
    for expert, weight in weights.items():
        total += weight * bounds.clip(parts[expert])  # type: ignore[arg-type]  # all are numbers if one is
    return total
