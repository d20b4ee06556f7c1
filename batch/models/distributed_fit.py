"""LightGBM on all workers of a Dask cluster together, by its own Dask interface: the rows never meet in one place.

For rows that do not fit into one worker. The trees are not those of a single worker to the last digit, since sums are
made in other lots; and there is no early stopping, which that interface does not have.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import dask
import dask.array as da
import numpy as np

from anabranch.features import last_line
from anabranch.load import load_app
from anabranch.model import LabelValue
from batch.cluster import DaskWorkers
from batch.models.candidates import candidates
from batch.models.encoding import Encoding
from batch.models.estimator import lightgbm_settings, of_booster, settle
from batch.models.matrix import MOST_CATEGORIES, Labels, Matrix, chunks, frequent
from batch.models.train import FitResult, FitTask, finish
from batch.models.training_table import TrainingTable

PARTS = 2
"""Parts of the rows for each worker."""


def fit_on_all_workers(workers: DaskWorkers, task: FitTask) -> FitResult:
    """Do a task; what the estimator raises harms this candidate alone."""
    try:
        # warnings as in `batch.models.train`; LightGBM asks Dask for the current client in places
        with warnings.catch_warnings(action="ignore"), workers.client.as_current():
            return _fit(workers, task)
    except Exception as error:
        return FitResult(task.model, task.candidate, error=last_line(error))


def _fit(workers: DaskWorkers, task: FitTask) -> FitResult:
    from lightgbm import DaskLGBMClassifier, DaskLGBMRegressor

    model = load_app(task.app).models[task.model]
    client = workers.client
    estimator = candidates(model)[task.candidate]
    settle(estimator, model.seed, 1)
    estimator.set_params(**lightgbm_settings(model, estimator))
    parts = _parts(task.end, PARTS * len(client.nthreads()))
    encoding, classes = _surveyed(client, task.table, parts, model.task != "regression")
    made = DaskLGBMRegressor if model.task == "regression" else DaskLGBMClassifier
    parameters = {name: value for name, value in estimator.get_params().items() if name != "n_jobs"}
    together = made(client=client, **parameters)
    rows = [dask.delayed(_part)(task.table, encoding, classes, low, high) for low, high in parts]
    width = len(encoding.kinds)
    matrices = [da.from_delayed(r[0], (high - low, width), float) for r, (low, high) in zip(rows, parts, strict=True)]
    targets = [da.from_delayed(r[1], (high - low,), float) for r, (low, high) in zip(rows, parts, strict=True)]
    together.fit(da.concatenate(matrices), da.concatenate(targets), categorical_feature=encoding.texts or "auto")
    return finish(model, task, of_booster(together.booster_, encoding, classes, None, 1))


def _parts(rows: int, count: int) -> list[tuple[int, int]]:
    """Ranges of rows."""
    edges = [rows * index // count for index in range(count + 1)]
    return [(low, high) for low, high in pairwise(edges) if low < high]


def _surveyed(
    client: Any, table: TrainingTable, parts: Sequence[tuple[int, int]], classified: bool
) -> tuple[Encoding, list[LabelValue]]:
    """The encoding and the classes of all parts together."""
    found = client.gather(client.map(_survey, [(table, low, high, classified) for low, high in parts], pure=False))
    texts: dict[str, Counter[str]] = {name: Counter() for name, kind in table.kinds.items() if kind == "text"}
    classes: set[LabelValue] = set()
    for categories, labels in found:
        classes |= labels
        for name, values in categories.items():
            texts[name].update(values)
    encoding = Encoding(dict(table.kinds), {name: frequent(counts, MOST_CATEGORIES) for name, counts in texts.items()})
    return encoding, sorted(classes)


def _survey(place: tuple[TrainingTable, int, int, bool]) -> tuple[dict[str, Counter[str]], set[LabelValue]]:
    """How often each text of each feature is there, and the labels if they are classes, of some rows."""
    table, low, high, classified = place
    texts: dict[str, Counter[str]] = {name: Counter() for name, kind in table.kinds.items() if kind == "text"}
    labels: set[LabelValue] = set()
    for rows in chunks(table.file, table.kinds, low, high):
        if classified:
            labels.update(np.unique(rows.labels()).tolist())
        for name, counts in texts.items():
            counts.update(rows.counts(name))
    return texts, labels


def _part(
    table: TrainingTable, encoding: Encoding, classes: Sequence[LabelValue], low: int, high: int
) -> tuple[Matrix, Labels]:
    """Some rows as numbers, on the worker that holds them."""
    matrices, targets = [], []
    for rows in chunks(table.file, table.kinds, low, high):
        matrices.append(rows.matrix(encoding))
        labels = rows.labels()
        targets.append(np.searchsorted(np.array(classes, dtype=labels.dtype), labels) if classes else labels)
    return np.concatenate(matrices), np.concatenate(targets).astype(np.float64)
