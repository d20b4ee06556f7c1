"""Estimators become files from which no code runs, and predict from them what they predicted before."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, StackingRegressor, VotingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils import all_estimators
from threadpoolctl import threadpool_limits

from batch.errors import EstimatorNotStoredError
from batch.models.estimator_file import pack, unpack

CHANCE = np.random.default_rng(7)
MATRIX = np.abs(CHANCE.normal(size=(60, 4))) + 0.1
MATRIX[:, 0] = MATRIX[:, 0].round()
NUMBERS = MATRIX @ np.array([3.0, 1.0, 0.5, 2.0]) + 1.0
CLASSES = (np.median(NUMBERS) < NUMBERS).astype(int)


def single() -> Iterator[Any]:
    """The estimators of scikit-learn that take plain numbers and need no other inside of them."""
    for kind in ("regressor", "classifier"):
        for name, made in all_estimators(kind):
            tags_of = {"regressor": NUMBERS, "classifier": CLASSES}[kind]
            yield pytest.param(made, tags_of, id=name)


COMPOSED = {
    "pipeline": (make_pipeline(StandardScaler(), PolynomialFeatures(), SelectKBest(k=3), Ridge()), NUMBERS),
    "columns": (
        make_pipeline(
            ColumnTransformer([("a", OneHotEncoder(handle_unknown="ignore"), [0]), ("b", SimpleImputer(), [1, 2])]),
            Ridge(),
        ),
        NUMBERS,
    ),
    "ufunc": (make_pipeline(FunctionTransformer(np.log1p), Ridge()), NUMBERS),
    "target": (TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), NUMBERS),
    "trees in a pipeline": (make_pipeline(StandardScaler(), LGBMRegressor(n_estimators=5, verbosity=-1)), NUMBERS),
    "stacked": (StackingRegressor([("r", Ridge()), ("t", LGBMRegressor(n_estimators=5, verbosity=-1))], cv=2), NUMBERS),
    "voting": (
        VotingClassifier(
            [("l", LogisticRegression()), ("t", LGBMClassifier(n_estimators=5, verbosity=-1))], voting="soft"
        ),
        CLASSES,
    ),
    "searched": (GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2, scoring="neg_mean_absolute_error"), NUMBERS),
    "categories": (HistGradientBoostingClassifier(max_iter=5, categorical_features=[0], early_stopping=True), CLASSES),
    "splines": (make_pipeline(SplineTransformer(), Ridge()), NUMBERS),
    "neighbours": (KNeighborsRegressor(algorithm="ball_tree", metric="manhattan"), NUMBERS),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other in a busy loop take longer than these few rows."""
    with threadpool_limits(1):
        yield


def assert_kept(estimator: Any, targets: Any) -> None:
    kind, content, _ = pack(estimator.fit(MATRIX, targets), pickles=False)
    assert kind == "skops"
    kept = unpack(kind, content)
    for method in ("predict", "predict_proba"):
        if hasattr(estimator, method):
            before, after = getattr(estimator, method)(MATRIX), getattr(kept, method)(MATRIX)
            np.testing.assert_allclose(after, before, rtol=1e-14, atol=1e-15)  # sums may be made in another order


@pytest.mark.filterwarnings("ignore")  # of estimators that do not like the data
@pytest.mark.parametrize(("made", "targets"), list(single()))
def test_every_estimator_of_the_library_is_stored_without_a_pickle_and_predicts_the_same(
    made: Any, targets: Any
) -> None:
    try:
        estimator = made()
    except TypeError:
        return  # one that needs others, as in `COMPOSED`
    try:
        estimator.fit(MATRIX, targets)
    except (TypeError, ValueError):
        return  # one that learns several labels at once
    assert_kept(estimator, targets)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPOSED)
def test_what_is_composed_is_stored_without_a_pickle_too(name: str) -> None:
    assert_kept(*COMPOSED[name])


def doubled(matrix: Any) -> Any:
    return matrix * 2


class Own(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One that no library knows."""

    def fit(self, x: Any, y: Any) -> Own:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.mean_)


def test_an_own_class_is_pickled_where_that_is_allowed_and_else_named_with_the_setting() -> None:
    own = Own().fit(MATRIX, NUMBERS)
    kind, content, kept = pack(own, pickles=True)
    assert (kind, unpack(kind, content).mean_, kept.mean_) == ("pickle", own.mean_, own.mean_)
    with pytest.raises(EstimatorNotStoredError, match=r"Own can only .*test_estimator_file\.Own.*ANABRANCH_PICKLE_MOD"):
        pack(own, pickles=False)


def test_a_function_of_the_user_inside_of_a_pipeline_is_no_type_that_is_trusted() -> None:
    whole = make_pipeline(FunctionTransformer(doubled), Ridge())
    whole.fit(MATRIX, NUMBERS)
    assert pack(whole, pickles=True)[0] == "pickle"
    with pytest.raises(EstimatorNotStoredError, match="doubled"):
        pack(whole, pickles=False)


def planted(state: dict[str, Any]) -> bytes:
    """A file in which somebody wrote what is to be called."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", **state}))
    return content.getvalue()


def text(value: str) -> dict[str, Any]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def calls(loader: str, module: str, name: str, argument: str) -> dict[str, Any]:
    """A state that calls a function of a module, in one of the ways in which the format makes objects."""
    if loader == "ListNode":
        return {"__class__": name, "__module__": module, "__loader__": loader, "content": [text(argument)]}
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text(argument)]}
    attributes = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
    attributes["key_types"] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": loader,
        "__reduce__": {"args": arguments},
        "content": attributes if loader in ("TreeNode", "LossNode") else arguments,
        "attrs": arguments,
    }


@pytest.mark.parametrize("loader", ["ConstructorFromReduceNode", "TreeNode", "LossNode", "ObjectNode", "ListNode"])
@pytest.mark.parametrize(("module", "name"), [("os", "mkdir"), ("pathlib", "Path"), ("builtins", "open")])
def test_a_file_that_names_what_is_not_trusted_is_not_opened_and_calls_nothing(
    tmp_path: Path, loader: str, module: str, name: str
) -> None:
    trace = tmp_path / "trace"
    with pytest.raises(TypeError, match="Untrusted types found"):
        unpack("skops", planted(calls(loader, module, name, str(trace))))
    assert not trace.exists()
