"""What a prediction costs: the metrics by which experts, versions and recorded predictions are compared.

The one home of the rule, in the three forms that the layers need: of a single prediction (the speed layer, event by
event), of an array (the batch layer, a holdout at a time), and as SQL (analysts, ``predictions.loss``). A law holds the
three to each other: the first two to the bit for numbers, all of them to 1e-12, relatively, for probabilities, whose
logarithm comes from three libraries. The smaller, the better.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import log
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

Metric = Literal["squared_error", "absolute_error", "log_loss"]
"""The first two compare a number with a number, the last the probabilities of classes with the one that came."""

LEAST_PROBABILITY = 1e-6
"""No probability counts for less: one wrong certainty would be an infinite loss, and so it costs 13.8."""


def loss(metric: Metric, prediction: Any, label: Any) -> float:
    """What a prediction costs, now that the label is known.

    Parameters
    ----------
    prediction
        A number; for ``log_loss`` the probability by class, where a class that is missing has none.

    >>> loss("squared_error", 3.0, 5.0), loss("absolute_error", 3.0, 5.0)
    (4.0, 2.0)
    >>> round(loss("log_loss", {True: 0.5, False: 0.5}, True), 3)
    0.693
    """
    if metric == "squared_error":
        error = float(prediction - label)
        return error * error  # a power would raise where this is infinite
    if metric == "absolute_error":
        return float(abs(prediction - label))
    return -log(likelihood(prediction, label))


def likelihood(probabilities: Mapping[Hashable, float], label: Hashable) -> float:
    """The probability that was given to the label, not below `LEAST_PROBABILITY` nor above one.

    >>> likelihood({"rain": 0.7}, "rain"), likelihood({"rain": 0.7}, "snow")
    (0.7, 1e-06)
    """
    return max(LEAST_PROBABILITY, min(1.0, probabilities.get(label, 0.0)))


def losses(metric: Metric, predictions: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """`loss` of each of `n` predictions.

    Parameters
    ----------
    predictions
        `n` numbers; for ``log_loss`` the `n` probabilities that were given to the labels.
    labels
        `n` numbers; None for ``log_loss``, whose predictions say it all.
    """
    import numpy as np  # here, not above: a service that answers no model need not load it

    found: np.ndarray
    if labels is None or metric == "log_loss":
        found = -np.log(np.clip(predictions, LEAST_PROBABILITY, 1.0))
        return found
    errors = predictions - labels
    found = errors * errors if metric == "squared_error" else np.abs(errors)
    return found


def loss_sql(metric: Metric, prediction: str, label: str | None) -> str:
    """SQL of `loss`; NULL where one of its operands is.

    Parameters
    ----------
    prediction
        SQL of a DOUBLE: the number, or for ``log_loss`` the probability that was given to the label.
    label
        SQL of a DOUBLE; None for ``log_loss``, whose prediction says it all.

    >>> loss_sql("absolute_error", "p", "y")
    'abs((p) - (y))'
    """
    if label is None or metric == "log_loss":
        # DuckDB's greatest and least skip NULL, so that an unknown probability would count as the least one
        return (
            f"CASE WHEN ({prediction}) IS NOT NULL THEN -ln(greatest(least({prediction}, 1), {LEAST_PROBABILITY})) END"
        )
    difference = f"({prediction}) - ({label})"
    return f"({difference}) * ({difference})" if metric == "squared_error" else f"abs({difference})"
