"""What a version of a model costs on rows that it was not fitted on: by this versions are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anabranch.metric import Metric, losses
from anabranch.model import LabelValue

if TYPE_CHECKING:
    import numpy as np


def version_losses(metric: Metric, raw: np.ndarray, classes: Sequence[LabelValue], labels: Sequence[Any]) -> np.ndarray:
    """The loss of each prediction of a version.

    Parameters
    ----------
    raw
        As in `batch.models.predictor.Raw`.
    classes
        The labels, in the order of the columns of `raw`; of a label that is not among them, the probability is 0.

    Raises
    ------
    ValueError
        If a prediction is not finite: its loss would be neither smaller nor larger than another.
    """
    import numpy as np

    if not np.isfinite(raw).all():
        raise ValueError("it predicts numbers that are not finite")
    if metric != "log_loss":
        return losses(metric, raw, np.asarray(labels, dtype=np.float64))
    probabilities = np.column_stack([1.0 - raw, raw]) if raw.ndim == 1 else raw
    padded = np.column_stack([probabilities, np.zeros(len(probabilities))])
    column = {label: place for place, label in enumerate(classes)}
    places = [column.get(label, len(classes)) for label in labels]
    return losses(metric, padded[np.arange(len(padded)), places], None)
