"""Fitting any estimator in the manner of scikit-learn on features that hold texts and gaps.

====================================  ==============================================================================
an estimator of                       gets
====================================  ==============================================================================
LightGBM                              texts as its categories; rounds by early stopping, if there are rows enough
scikit-learn's HistGradientBoosting*  texts as its categories, the 254 most frequent; its own early stopping on the
                                      same validation rows
anything else                         texts one-hot, missing numbers as the mean, by a pipeline in front of it
====================================  ==============================================================================

All of them get the seed of the model wherever they were left without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anabranch.model import LabelValue, Metric, Model
from batch.models.encoding import Encoding
from batch.models.estimator_file import pack
from batch.models.matrix import Labels, Matrix, TrainingMatrix

VALIDATION = 0.1
"""Which part of the rows for training, the newest, tells when to stop early."""
LEAST_VALIDATION_ROWS = 50
"""Below, no round is worth believing: all rows are trained on, for as many rounds as the estimator says."""
STOPPING_ROUNDS = 50
"""Rounds without a better loss after which LightGBM stops, where the estimator does not say."""
HISTOGRAM_CATEGORIES = 254
DENSE_CATEGORIES = 1_000
"""Categories with which one-hot columns are still a dense matrix, which every estimator takes."""


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator.

    Attributes
    ----------
    encoding, classes
        What it takes, and the labels in the order of its probabilities; no classes in a regression.
    raw
        As in `batch.models.predictor.Raw`.
    format, save
        How its file is made.
    rounds
        With how many rounds it predicts; None: it has none, or all that were asked for.
    """

    encoding: Encoding
    classes: list[LabelValue]
    raw: Callable[[Matrix], Any]
    format: str
    save: Callable[[Path], None]
    rounds: int | None = None


def fit(
    model: Model,
    estimator: Any,
    rows: TrainingMatrix,
    threads: int,
    rounds: int | None = None,
    pickles: bool = False,
) -> Fitted:
    """Fit a fresh estimator.

    Parameters
    ----------
    threads
        How many it may use.
    rounds
        With how many rounds an earlier fit of the same estimator predicts: it does not stop early then, and takes
        all rows for training; None: it finds out.
    pickles
        Whether it may be stored as a pickle, where nothing else can hold it.

    Raises
    ------
    EstimatorNotStoredError
        If only a pickle could hold it, and that is not allowed.
    Exception
        Whatever the estimator raises.
    """
    labels = rows.labels()
    classes: list[LabelValue] = [] if model.task == "regression" else np.unique(labels).tolist()
    if model.task != "regression" and len(classes) < 2:
        return _constant(rows, classes)
    if model.task != "regression" and not hasattr(estimator, "predict_proba"):
        raise TypeError(f"{type(estimator).__name__} has no predict_proba, which a {model.task} model needs")
    settle(estimator, model.seed, threads)
    targets = labels if model.task == "regression" else np.searchsorted(np.array(classes, dtype=labels.dtype), labels)
    if is_lightgbm(estimator):
        return _fit_lightgbm(model, estimator, rows, targets, classes, rounds, threads)
    if type(estimator).__name__.startswith("HistGradientBoosting"):
        return _fit_histogram(estimator, rows, targets, classes, rounds, pickles)
    return _fit_any(estimator, rows, targets, classes, pickles)


def is_lightgbm(estimator: Any) -> bool:
    """Whether it is one of LightGBM's, or made of one."""
    return any(base.__module__.startswith("lightgbm.") for base in type(estimator).__mro__)


def trains_together(estimator: Any) -> bool:
    """Whether all workers of a cluster can train it together; see `batch.models.distributed_fit`."""
    kind = type(estimator)
    return kind.__module__ == "lightgbm.sklearn" and kind.__name__ in ("LGBMRegressor", "LGBMClassifier")


# LightGBM


def lightgbm_settings(model: Model, estimator: Any) -> dict[str, Any]:
    """What makes LightGBM's result depend on data and seed alone, and stop by the model's metric.

    Only where the user said nothing else.
    """
    asked = estimator.get_params()
    settings = {
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "metric": _LIGHTGBM_METRICS[model.metric] if model.task != "multiclass" else "multi_logloss",
    }
    if "force_col_wise" in asked:
        del settings["force_row_wise"]
    return {name: value for name, value in settings.items() if name not in asked}


_LIGHTGBM_METRICS: dict[Metric, str] = {"squared_error": "l2", "absolute_error": "l1", "log_loss": "binary_logloss"}


def _fit_lightgbm(
    model: Model,
    estimator: Any,
    rows: TrainingMatrix,
    targets: Labels,
    classes: list[LabelValue],
    rounds: int | None,
    threads: int,
) -> Fitted:
    encoding = rows.encoding()
    matrix = rows.matrix(encoding)
    estimator.set_params(**lightgbm_settings(model, estimator))
    if model.task == "multiclass" and len(classes) == 2 and estimator.get_params()["metric"] == "multi_logloss":
        estimator.set_params(metric="binary_logloss")  # LightGBM makes a binary model of two classes
    options: dict[str, Any] = {"categorical_feature": encoding.texts or "auto"}
    low = _validation_start(len(rows), targets, classes)
    asked = estimator.get_params()
    if rounds is None and low < len(rows) and asked.get("boosting_type") != "dart":
        options["eval_set"] = [(matrix[low:], targets[low:])]
        options["callbacks"] = [] if _STOPPING & asked.keys() else [_stopping()]
    else:
        low = len(rows)
        estimator.set_params(**dict.fromkeys(_STOPPING & asked.keys()), n_estimators=rounds or asked["n_estimators"])
    estimator.fit(matrix[:low], targets[:low], **options)
    found = estimator.best_iteration_ if "eval_set" in options and estimator.best_iteration_ else None
    return of_booster(estimator.booster_, encoding, classes, found, threads)


_STOPPING = {"early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change"}
"""The names that LightGBM has for the parameter."""


def _stopping() -> Any:
    from lightgbm import early_stopping

    return early_stopping(STOPPING_ROUNDS, verbose=False)


def of_booster(booster: Any, encoding: Encoding, classes: list[LabelValue], rounds: int | None, threads: int) -> Fitted:
    """A booster of LightGBM, cut to its best number of rounds."""

    def save(path: Path) -> None:
        booster.save_model(path, num_iteration=rounds)

    def raw(matrix: Matrix) -> Any:
        return booster.predict(matrix, num_iteration=rounds, num_threads=threads)

    return Fitted(encoding, classes, raw, "lightgbm", save, rounds)


# scikit-learn


def _fit_histogram(
    estimator: Any, rows: TrainingMatrix, targets: Labels, classes: list[LabelValue], rounds: int | None, pickles: bool
) -> Fitted:
    encoding = rows.encoding(min(HISTOGRAM_CATEGORIES, estimator.max_bins - 1))
    matrix = rows.matrix(encoding)
    if encoding.texts and isinstance(estimator.categorical_features, str):  # its default: by the types of columns
        estimator.set_params(categorical_features=encoding.texts)
    low = _validation_start(len(rows), targets, classes)
    if rounds is not None:
        estimator.set_params(max_iter=rounds, early_stopping=False)
        estimator.fit(matrix, targets)
    elif estimator.early_stopping is not False and low < len(rows):
        estimator.set_params(early_stopping=True)
        estimator.fit(matrix[:low], targets[:low], X_val=matrix[low:], y_val=targets[low:])
    else:
        estimator.set_params(early_stopping=False)
        estimator.fit(matrix, targets)
    found = estimator.n_iter_ if estimator.early_stopping else None
    return _stored(estimator, encoding, classes, pickles, found)


def _fit_any(estimator: Any, rows: TrainingMatrix, targets: Labels, classes: list[LabelValue], pickles: bool) -> Fitted:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoding = rows.encoding()
    texts = encoding.texts
    numbers = [column for column in range(len(encoding.kinds)) if column not in texts]
    dense = sum(map(len, encoding.categories.values())) <= DENSE_CATEGORIES
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    ready = ColumnTransformer(
        [("texts", one_hot, texts), ("numbers", SimpleImputer(keep_empty_features=True), numbers)],
        sparse_threshold=0.0 if dense else 1.0,
    )
    whole = Pipeline([("ready", ready), ("estimator", estimator)])
    whole.fit(rows.matrix(encoding), targets)
    return _stored(whole, encoding, classes, pickles)


def _constant(rows: TrainingMatrix, classes: list[LabelValue]) -> Fitted:
    """All labels are the same: there is nothing to learn, and most estimators would raise."""
    from sklearn.dummy import DummyClassifier

    encoding = rows.encoding()
    constant = DummyClassifier(strategy="prior").fit(np.zeros((len(rows), 1)), np.zeros(len(rows), dtype=int))
    return _stored(constant, encoding, classes, pickles=False)


def _stored(
    estimator: Any, encoding: Encoding, classes: list[LabelValue], pickles: bool, rounds: int | None = None
) -> Fitted:
    kind, content, kept = pack(estimator, pickles)  # now: one that cannot be stored is no candidate
    raw = kept.predict_proba if classes else kept.predict  # what is scored is what will serve
    return Fitted(encoding, classes, raw, kind, lambda path: _write(path, content), rounds)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _validation_start(rows: int, targets: Labels, classes: Sequence[LabelValue]) -> int:
    """The first row of the newest that tell when to stop; the number of rows, where none should."""
    low = rows - round(rows * VALIDATION)
    if rows - low < LEAST_VALIDATION_ROWS:
        return rows
    if classes and len(np.unique(targets[:low])) < len(classes):  # a class that only the newest rows have
        return rows
    return low


def settle(estimator: Any, seed: int, threads: int) -> None:
    """Seed whatever was left without a seed, and bound the threads, also inside pipelines."""
    asked = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    wanted: dict[str, Any] = {}
    for name, value in asked.items():
        last = name.rpartition("__")[2]
        if last == "random_state" and value is None:
            wanted[name] = seed
        elif last == "n_jobs" and (value is None or value < 0 or value > threads):
            wanted[name] = threads
    if wanted:
        estimator.set_params(**wanted)
