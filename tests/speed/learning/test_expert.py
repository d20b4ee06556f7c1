"""What every expert keeps, whatever model of River it wraps."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from random import Random
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import pytest
from river import compose, dummy, ensemble, forest, linear_model, naive_bayes, neighbors, preprocessing, stats, tree

from anabranch.features import Features
from anabranch.model import Task
from speed.learning.expert import Expert, as_they_are, numeric, takes_text

Make = Callable[[], Any]
REGRESSORS: dict[str, Make] = {
    "scaled linear": lambda: preprocessing.StandardScaler() | linear_model.LinearRegression(),
    "passive aggressive": linear_model.PARegressor,
    "tree": tree.HoeffdingTreeRegressor,
    "adaptive tree": lambda: tree.HoeffdingAdaptiveTreeRegressor(),
    "forest": lambda: forest.ARFRegressor(n_models=3),
    "neighbours": neighbors.KNNRegressor,
    "mean": lambda: dummy.StatisticRegressor(stats.Mean()),
    "own encoder": lambda: preprocessing.OneHotEncoder() | linear_model.LinearRegression(),
    "chosen": lambda: compose.Select("x", "y") | preprocessing.StandardScaler() | linear_model.LinearRegression(),
    "lambda": lambda: compose.FuncTransformer(lambda x: {"x": x.get("x", 0.0)}) | linear_model.LinearRegression(),
}
CLASSIFIERS: dict[str, Make] = {
    "logistic": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "softmax": lambda: preprocessing.StandardScaler() | linear_model.SoftmaxRegression(),
    "tree": tree.HoeffdingTreeClassifier,
    "forest": lambda: forest.ARFClassifier(n_models=3),
    "mondrian": lambda: forest.AMFClassifier(n_estimators=3),
    "bayes": naive_bayes.GaussianNB,
    "bagging": lambda: ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_models=2),
    "perceptron": linear_model.Perceptron,
    "prior": dummy.PriorClassifier,
}
CASES = [
    *(pytest.param("regression", make, id=f"regression {name}") for name, make in REGRESSORS.items()),
    *(pytest.param("binary", make, id=f"binary {name}") for name, make in CLASSIFIERS.items()),
]


def examples(task: Task, n: int = 120) -> list[tuple[Features, Any]]:
    random = Random(1)
    rows: list[tuple[Features, Any]] = []
    for i in range(n):
        x = random.random()
        row: Features = {"x": x, "y": i % 7, "z": None if i % 5 else 0.5, "on": i % 2 == 0, "kind": "abc"[i % 3]}
        if i > n // 2 and i % 11 == 0:
            row["kind"] = f"new{i}"
        rows.append((row, x * 10 if task == "regression" else x > 0.5))
    return rows


def feed(expert: Expert, rows: list[tuple[Features, Any]]) -> list[Any]:
    found = []
    for features, label in rows:
        inputs = numeric(features) if expert.needs_numbers else as_they_are(features)
        found.append(expert.predict(inputs))
        expert.learn(inputs, label)
    return found


@pytest.mark.parametrize(("task", "make"), CASES)
def test_predicting_before_learning_works_and_nothing_raises(task: Task, make: Make) -> None:
    expert = Expert(task, make())
    found = feed(expert, examples(task))
    assert (expert.errors, expert.last_error) == (0, None)
    assert all(part is not None for part in found[5:])
    if task == "binary":
        assert all(abs(sum(part.values()) - 1.0) < 1e-9 for part in found if part is not None)


@pytest.mark.parametrize(("task", "make"), CASES)
def test_a_clone_shares_nothing(task: Task, make: Make) -> None:
    made, rows = make(), examples(task)
    first, second = Expert(task, made), Expert(task, made)
    wanted = feed(Expert(task, made), rows)
    feed(first, examples(task, 30))
    assert feed(second, rows) == wanted


@pytest.mark.parametrize(("task", "make"), CASES)
def test_a_checkpoint_goes_on_to_the_bit(task: Task, make: Make) -> None:
    expert, rows = Expert(task, make()), examples(task)
    feed(expert, rows[:60])
    kept = pickle.loads(cloudpickle.dumps(expert))
    assert feed(kept, rows[60:]) == feed(expert, rows[60:])


@pytest.mark.parametrize(("task", "make"), CASES)
def test_the_same_examples_give_the_same_predictions_in_another_instance(task: Task, make: Make) -> None:
    assert feed(Expert(task, make()), examples(task)) == feed(Expert(task, make()), examples(task))


@pytest.mark.parametrize(
    ("learner", "text"),
    [
        (preprocessing.StandardScaler() | linear_model.LinearRegression(), False),
        (linear_model.LogisticRegression(), False),
        (CLASSIFIERS["bayes"](), False),
        (forest.AMFClassifier(), False),
        (preprocessing.StandardScaler() | tree.HoeffdingTreeRegressor(), False),
        (tree.HoeffdingTreeRegressor(), False),
        (tree.HoeffdingTreeClassifier(), True),
        (forest.ARFClassifier(), True),
        (preprocessing.FeatureHasher() | linear_model.LinearRegression(), True),
        (compose.SelectType(str) | preprocessing.OneHotEncoder() | linear_model.LinearRegression(), True),
    ],
)
def test_texts_are_encoded_only_for_a_first_step_that_cannot_take_them(learner: Any, text: bool) -> None:
    assert takes_text(learner) is text


def test_a_text_becomes_one_feature_a_category_and_none_is_left_out() -> None:
    features: Features = {"kind": "a", "n": 2, "missing": None, "on": True}
    assert numeric(features) == {"n": 2, "on": True, "kind_a": 1}
    assert as_they_are(features) == {"kind": "a", "n": 2, "on": True}


class Broken:
    """A learner that does everything wrong."""

    def __init__(self, says: Any):
        self.says = says

    def predict_one(self, x: dict[str, Any]) -> Any:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def predict_proba_one(self, x: dict[str, Any]) -> Any:
        return self.predict_one(x)

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        raise ValueError("no")


@pytest.mark.parametrize("says", [float("nan"), float("inf"), None, "text", KeyError("x")])
def test_a_regressor_that_says_nothing_finite_has_no_prediction(says: Any) -> None:
    expert = Expert("regression", Broken(says))
    assert expert.predict({}) is None


@pytest.mark.parametrize("says", [{}, {True: float("nan")}, {True: 0.0, False: 0.0}, RuntimeError("x")])
def test_a_classifier_that_says_no_probabilities_has_no_prediction(says: Any) -> None:
    expert = Expert("binary", Broken(says))
    assert expert.predict({}) is None


def test_an_expert_that_cannot_learn_is_counted_and_harms_nobody() -> None:
    expert = Expert("regression", Broken(1.0))
    expert.learn({}, 1.0)
    assert (expert.errors, expert.last_error) == (1, "ValueError: no")
