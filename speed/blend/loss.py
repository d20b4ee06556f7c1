"""The loss of a prediction in each metric, and its slope: what blends learn from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import log
from typing import Any, Literal

Metric = Literal["squared_error", "absolute_error", "log_loss"]

LEAST = 1e-6
"""No probability is taken for less: one certain error must not cost more than 13.8."""


def loss(metric: Metric, prediction: Any, label: Any) -> float:
    """What a prediction costs, now that the label is known.

    Parameters
    ----------
    metric
        ``squared_error`` or ``absolute_error`` of a number, ``log_loss`` of probabilities.
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


def slope(metric: Metric, prediction: Any, blended: Any, label: Any) -> float:
    """The loss of an expert's prediction, linearised where the blend predicted.

    That is the derivative of the blend's loss by this expert's weight (the "gradient trick": Cesa-Bianchi and Lugosi
    2006, *Prediction, Learning, and Games*, section 2.5). As the loss is convex, a blend whose sum of slopes is
    hardly larger than that of some mixture of the experts has hardly a larger loss than this mixture.

    Parameters
    ----------
    prediction
        The expert's.
    blended
        The blend's prediction of the same example, with the weights that were in force then.

    >>> slope("squared_error", 3.0, 4.0, 5.0), slope("absolute_error", 3.0, 4.0, 5.0)
    (-6.0, -3.0)
    >>> slope("log_loss", {True: 0.2}, {True: 0.4}, True)
    -0.5
    """
    if metric == "squared_error":
        return float(2.0 * (blended - label) * prediction)
    if metric == "absolute_error":
        return float((blended > label) - (blended < label)) * float(prediction)
    return -likelihood(prediction, label) / likelihood(blended, label)


def likelihood(probabilities: Mapping[Hashable, float], label: Hashable) -> float:
    """The probability that was given to the label, not below `LEAST` nor above one."""
    return max(LEAST, min(1.0, probabilities.get(label, 0.0)))
