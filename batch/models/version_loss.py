"""The losses by which versions of a model are compared. The smaller, the better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anabranch.model import LabelValue, Metric

if TYPE_CHECKING:
    import numpy as np

LEAST_PROBABILITY = 1e-6
"""Probabilities count as at least this: one wrong certainty would be an infinite loss."""


def losses(metric: Metric, raw: np.ndarray, classes: Sequence[LabelValue], labels: Sequence[Any]) -> np.ndarray:
    """The loss of each prediction.

    Parameters
    ----------
    raw
        As in `batch.models.predictor.Raw`.
    classes
        The labels, in the order of the columns of `raw`; of a label that is not among them, the probability is 0.

    Raises
    ------
    ValueError
        If a prediction is not finite.
    """
    import numpy as np

    if not np.isfinite(raw).all():
        raise ValueError("it predicts numbers that are not finite")
    found: np.ndarray
    if metric != "log_loss":
        errors = raw - np.asarray(labels, dtype=np.float64)
        found = np.square(errors) if metric == "squared_error" else np.abs(errors)
        return found
    probabilities = np.column_stack([1.0 - raw, raw]) if raw.ndim == 1 else raw
    padded = np.column_stack([probabilities, np.zeros(len(probabilities))])
    column = {label: place for place, label in enumerate(classes)}
    places = [column.get(label, len(classes)) for label in labels]
    found = -np.log(np.clip(padded[np.arange(len(padded)), places], LEAST_PROBABILITY, 1.0))
    return found
