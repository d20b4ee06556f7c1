"""The candidates of a model: what its `batch` function returns, by name."""

from __future__ import annotations

from typing import Any

from anabranch.model import Model


def candidates(model: Model) -> dict[str, Any]:
    """Fresh estimators by name. One, or each of a list, is called as its class is; a second one of a class, `...-2`.

    Raises
    ------
    TypeError
        If something else was returned.
    Exception
        Whatever the function raises.
    """
    made = model.batch()
    if isinstance(made, dict):
        named = {str(name): estimator for name, estimator in made.items()}
    else:
        named = {}
        for estimator in made if isinstance(made, (list, tuple)) else [made]:
            name = type(estimator).__name__
            count = sum(other.rpartition("-")[0] == name or other == name for other in named)
            named[name if not count else f"{name}-{count + 1}"] = estimator
    for name, estimator in named.items():
        if not callable(getattr(estimator, "fit", None)):
            raise TypeError(f"batch= must return estimators in the manner of scikit-learn, and {name} is {estimator!r}")
    if not named:
        raise TypeError("batch= returned no candidate")
    return named
