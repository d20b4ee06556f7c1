"""The River models of the study."""

from __future__ import annotations

from typing import Any

from river import compose, linear_model, optim, preprocessing


def front() -> Any:
    """Numbers scaled, texts one-hot; a number that is missing counts as the mean."""
    numbers = compose.SelectType(float, int) | preprocessing.StandardScaler()
    return numbers + (compose.SelectType(str) | preprocessing.OneHotEncoder())


def plain() -> Any:
    """River's linear regression as it comes. It diverges where features are correlated and labels are large."""
    return front() | linear_model.LinearRegression()


def slow() -> Any:
    """Linear regression on scaled labels, by gradient descent with a small rate."""
    regression = linear_model.LinearRegression(optim.SGD(0.005), intercept_lr=0.005)
    return front() | preprocessing.TargetStandardScaler(regressor=regression)


def adaptive() -> Any:
    """Linear regression on scaled labels, by AdaGrad: rates shrink, so that it does not diverge."""
    regression = linear_model.LinearRegression(optim.AdaGrad(0.05), intercept_lr=0.005)
    return front() | preprocessing.TargetStandardScaler(regressor=regression)


def logistic() -> Any:
    return front() | linear_model.LogisticRegression(optim.AdaGrad(0.05))


def softmax() -> Any:
    return front() | linear_model.SoftmaxRegression(optim.SGD(0.01))
