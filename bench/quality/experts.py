"""What the experts predicted, example by example, each only from labels that were known by then."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from bench.quality.example import Example, replay

Floats = NDArray[np.float64]

CUTS = tuple(tenth / 10 for tenth in range(2, 10))
"""Where batch runs fall, as parts of the stream: the first generation after a fifth, eight in all."""

TREES = 300


def first_cut(examples: Sequence[Example]) -> int:
    return int(len(examples) * CUTS[0])


def speed_predictions(model: Any, examples: Sequence[Example], classes: Sequence[Any]) -> Floats:
    """Test-then-train over the whole stream.

    Returns
    -------
    array
        n_examples: the predicted numbers, clipped to the range of labels seen. Or of shape
        (n_examples, n_classes): probabilities.
    """
    found = np.zeros((len(examples), len(classes)) if classes else len(examples))
    lowest, highest = 0.0, 0.0
    learnt = 0
    for is_label, number in replay([e.time for e in examples], [e.known for e in examples]):
        example = examples[number]
        features = {name: value for name, value in example.features.items() if value is not None}
        if is_label:
            model.learn_one(features, example.label)
            if not classes:
                lowest = min(lowest, example.label) if learnt else example.label
                highest = max(highest, example.label) if learnt else example.label
            learnt += 1
        elif classes:
            found[number] = probabilities(model.predict_proba_one(features), classes)
        else:
            found[number] = clipped(model.predict_one(features), lowest, highest)
    return found


def probabilities(predicted: dict[Any, float], classes: Sequence[Any]) -> list[float]:
    """Probabilities of all classes; equal where the model knows nothing."""
    total = sum(predicted.get(c, 0.0) for c in classes)
    if not 0.0 < total < float("inf"):
        return [1.0 / len(classes)] * len(classes)
    return [predicted.get(c, 0.0) / total for c in classes]


def clipped(predicted: float, lowest: float, highest: float) -> float:
    if predicted != predicted:
        return (lowest + highest) / 2.0
    return max(lowest, min(highest, predicted))


def batch_predictions(examples: Sequence[Example], classes: Sequence[Any], *, retrained: bool) -> tuple[Floats, float]:
    """LightGBM, trained at every cut (or only at the first) on all examples whose label was known there.

    The newest 15 % of the training examples are the holdout that decides when to stop.

    Returns
    -------
    predictions
        Shapes as of `speed_predictions`; zero before the first cut.
    holdout
        The loss of the first generation on its holdout: squared error or log loss.
    """
    matrix, categorical = encoded(examples)
    labels = np.array([classes.index(e.label) if classes else e.label for e in examples], dtype=float)
    known = np.array([e.known for e in examples])
    found = np.zeros((len(examples), len(classes)) if classes else len(examples))
    cuts = [int(len(examples) * part) for part in CUTS]
    holdouts: list[float] = []
    for cut, end in zip(cuts, [*cuts[1:], len(examples)], strict=True) if retrained else [(cuts[0], len(examples))]:
        usable = np.flatnonzero(known[:cut] <= examples[cut].time)
        model = trained(matrix[usable], labels[usable], categorical, len(classes))
        holdouts += model.best_score["valid_0"].values()
        predicted = np.asarray(model.predict(matrix[cut:end]))
        if len(classes) == 2:
            predicted = np.column_stack([1.0 - predicted, predicted])
        seen = labels[usable]
        found[cut:end] = predicted if classes else np.clip(predicted, seen.min(), seen.max())
    return found, float(holdouts[0])


def trained(matrix: Floats, labels: Floats, categorical: list[int], n_classes: int) -> lightgbm.Booster:
    parameters: dict[str, Any] = {
        "objective": "regression" if not n_classes else "binary" if n_classes == 2 else "multiclass",
        "learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 50, "num_threads": 1,
        "deterministic": True, "force_row_wise": True, "seed": 1, "verbosity": -1,
    }  # fmt: skip
    if n_classes > 2:
        parameters["num_class"] = n_classes
    edge = int(len(labels) * 0.85)
    fit = lightgbm.Dataset(matrix[:edge], labels[:edge], categorical_feature=categorical)
    check = lightgbm.Dataset(matrix[edge:], labels[edge:], reference=fit)
    stop = lightgbm.early_stopping(30, verbose=False)
    return lightgbm.train(parameters, fit, TREES, valid_sets=[check], callbacks=[stop])


def encoded(examples: Sequence[Example]) -> tuple[Floats, list[int]]:
    """One row an example; texts become codes in the order in which they first came, what is missing NaN."""
    names = list(examples[0].features)
    codes: dict[str, dict[str, int]] = {name: {} for name in names}
    texts: set[str] = set()
    matrix = np.full((len(examples), len(names)), np.nan)
    for row, example in enumerate(examples):
        for column, name in enumerate(names):
            value = example.features[name]
            if isinstance(value, str):
                texts.add(name)
                value = codes[name].setdefault(value, len(codes[name]))
            if value is not None and isfinite(value):
                matrix[row, column] = value
    return matrix, [column for column, name in enumerate(names) if name in texts]
