"""An expert: one model of River that learns event by event, and whatever it does harms nobody."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from river import base, compose, preprocessing

from anabranch.features import Features
from anabranch.model import Task
from speed.base_layer import Part

Input = dict[str, Any]
"""Features as River takes them: a missing one is not there."""

_TREES = ("river.tree", "river.forest.adaptive")
"""Their classifiers split by texts; their regressors have linear models in the leaves, which need numbers."""
_TAKES_TEXT = ("river.compose", "river.feature_extraction")
_ENCODERS = (preprocessing.OneHotEncoder, preprocessing.OrdinalEncoder, preprocessing.FeatureHasher)
_ONE_HOT = preprocessing.OneHotEncoder(drop_zeros=True)  # without zeros it has no state


class Expert:
    """A model of River behind the two verbs that the speed layer needs.

    Features that are None are left out, as River expects. For a model that needs numbers, texts are one-hot encoded
    first, by River's own transformer; a model whose first step takes texts (trees, encoders, `compose`) gets them.

    Parameters
    ----------
    task
        Of the model it is an expert of.
    learner
        A regressor or classifier of River, or a pipeline that ends in one.

    Attributes
    ----------
    errors
        How often it raised.
    last_error
        What it raised last.
    """

    def __init__(self, task: Task, learner: Any):
        self.learner = seeded(learner)
        self.regression = task == "regression"
        self.needs_numbers = not takes_text(learner)
        self.errors = 0
        self.last_error: str | None = None

    def predict(self, features: Input) -> Part | None:
        """The prediction; None where it has none, or none that is finite."""
        try:
            if self.regression:
                value = float(self.learner.predict_one(features))
                return value if isfinite(value) else None
            return _probabilities(self.learner, features)
        except Exception as error:  # a learner of the user may raise anything; the others go on
            self._note(error)
            return None

    def learn(self, features: Input, label: Any) -> None:
        """Learn from one example."""
        try:
            self.learner.learn_one(features, label)
        except Exception as error:  # as in predict
            self._note(error)

    def _note(self, error: Exception) -> None:
        self.errors += 1
        self.last_error = f"{type(error).__name__}: {error}"


def numeric(features: Features) -> Input:
    """Features for a model that needs numbers: texts become one feature a category, None none at all."""
    numbers_: Input = {}
    texts: Input = {}
    for name, value in features.items():
        if type(value) is str:
            texts[name] = value
        elif value is not None:
            numbers_[name] = value
    if texts:
        numbers_.update(_ONE_HOT.transform_one(texts))  # type: ignore[no-untyped-call]  # River has no types there
    return numbers_


def as_they_are(features: Features) -> Input:
    """Features for a model that takes texts."""
    return {name: value for name, value in features.items() if value is not None}


def takes_text(learner: Any) -> bool:
    """Whether the first step of a learner can do something with texts."""
    first = learner
    while isinstance(first, compose.Pipeline):
        first = next(iter(first.steps.values()))
    if isinstance(first, (*_ENCODERS, compose.TransformerUnion)):
        return True
    module = type(first).__module__
    return module.startswith(_TAKES_TEXT) or (module.startswith(_TREES) and isinstance(first, base.Classifier))


def seeded(learner: Any, seed: int = 0) -> Any:
    """A fresh clone of a learner, with a seed wherever it was left without one: the fold depends on the log alone."""
    if not isinstance(learner, base.Base):
        return learner
    return learner.clone(_seeds(learner, seed))


def _seeds(learner: Any, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parts = learner.steps if isinstance(learner, compose.Pipeline) else learner._get_params()
    for name, value in parts.items():
        if name == "seed" and value is None:
            found[name] = seed
        elif isinstance(value, base.Base) and (inner := _seeds(value, seed)):
            found[name] = inner
    return found


def _probabilities(learner: Any, features: Input) -> Mapping[Any, float] | None:
    try:
        found = learner.predict_proba_one(features)
    except NotImplementedError:
        label = learner.predict_one(features)
        return None if label is None else {label: 1.0}
    total = sum(found.values())
    if not found or not isfinite(total) or total <= 0.0:
        return None
    if abs(total - 1.0) > 1e-9:
        return {label: p / total for label, p in found.items()}
    return dict(found)
