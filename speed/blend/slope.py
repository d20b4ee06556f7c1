"""The slope of a prediction in each metric: what blends learn from."""

from __future__ import annotations

from typing import Any

from anabranch.metric import Metric, likelihood


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
