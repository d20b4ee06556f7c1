"""A blend over the predictions of experts, prequential: predict, wait for the label, update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anabranch.metric import Metric, loss
from bench.quality.example import replay
from bench.quality.experts import Floats
from bench.quality.predictions import Predictions
from speed.blend import Blend, slope


def blended(blend: Blend, of: Predictions, experts: Sequence[str]) -> Floats:
    """What the blend predicted from the first generation on.

    Speed models are in it from the beginning of the stream; "batch" enters at the first cut with the loss that its
    holdout had. Every label comes when it is known.
    """
    metric: Metric = "squared_error" if of.numeric else "log_loss"
    columns = {expert: of.by_expert[expert].tolist() for expert in experts}
    labels, found = of.labels.tolist(), np.zeros(len(of.times))
    for expert in experts:
        if expert != "batch":
            blend.enter(expert)
    for is_label, number in replay(of.times.tolist(), of.known.tolist()):
        if number == of.first and not is_label:
            blend.enter("batch", of.holdout)
        parts = {e: column[number] for e, column in columns.items() if e != "batch" or number >= of.first}
        if not is_label:
            weights = blend.weights()
            found[number] = sum(weights[expert] * part for expert, part in parts.items())
        elif of.numeric:
            learn(blend, metric, parts, found[number].item(), labels[number])
        else:
            learn(blend, metric, {e: {True: part} for e, part in parts.items()}, {True: found[number].item()}, True)
    return found[of.first :]


def learn(blend: Blend, metric: Metric, parts: dict[str, Any], predicted: Any, label: Any) -> None:
    losses = {expert: loss(metric, part, label) for expert, part in parts.items()}
    blend.update(losses, {expert: slope(metric, part, predicted, label) for expert, part in parts.items()})


def score(of: Predictions, predicted: Floats) -> float:
    """RMSE, or mean log loss, from the first generation on."""
    if of.numeric:
        return float(np.sqrt(np.mean((predicted - of.labels[of.first :]) ** 2)))
    return float(-np.mean(np.log(np.clip(predicted, 1e-6, 1.0))))


def score_of(of: Predictions, expert: str) -> float:
    return score(of, of.by_expert[expert][of.first :])
