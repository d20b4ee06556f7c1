"""What a worker does to train: fit a candidate, fit the winner again, score the champion.

Every version of a model is fitted twice. The model *of the gate* has seen only what is older than the holdout; it is
what candidates and champions are compared by, on the newest rows, which neither has seen: the holdout of the champion
was older. Then the winner is fitted on all rows, for as many rounds as the gate's model found best; this model serves,
since the newest rows are the ones that tell most about what comes next.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_limits

from anabranch.features import last_line
from anabranch.load import load_app
from anabranch.model import LabelValue, Model
from batch.models.candidates import candidates
from batch.models.encoding import Encoding
from batch.models.estimator import Fitted, fit
from batch.models.matrix import TrainingMatrix, chunks
from batch.models.predictor import Raw, VersionPredictor
from batch.models.training_table import TrainingTable
from batch.models.version_loss import version_losses
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob


@dataclass(frozen=True, slots=True)
class FitTask:
    """A candidate to fit.

    Attributes
    ----------
    app, model
        Where the application is, for `load_app`, and the name of the model.
    candidate
        The name of the candidate.
    table
        The rows.
    end
        Rows before this one are for training.
    rounds
        How many rounds; None: it finds out.
    store
        Where its file goes.
    together
        Whether all workers of a cluster can train it together.
    threads
        How many it may use.
    pickles
        Whether it may be stored as a pickle, where nothing else can hold it.
    """

    app: str
    model: str
    candidate: str
    table: TrainingTable
    end: int
    rounds: int | None
    store: StoreAddress
    together: bool = False
    threads: int = 1
    pickles: bool = False


@dataclass(frozen=True, slots=True)
class FitResult:
    """What came of a `FitTask`.

    Attributes
    ----------
    loss
        On the rows that it was not fitted on; None: there are none.
    held
        What the manifest says of it, ``format`` and ``encoding``, the latter with the ``classes``.
    blob
        Its file.
    error
        Why there is none of this.
    """

    model: str
    candidate: str
    loss: float | None = None
    held: dict[str, Any] | None = None
    blob: Blob | None = None
    rounds: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """A champion to score on the holdout.

    Attributes
    ----------
    held, blob
        What the manifest says of it, and its file, which may be opened if it is a pickle.
    store
        Where that is.
    start
        The first row of the holdout.
    """

    app: str
    model: str
    version: int
    held: Mapping[str, Any]
    blob: Blob
    store: StoreAddress
    table: TrainingTable
    start: int
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What came of a `ScoreTask`: the loss, or why there is none."""

    model: str
    loss: float | None
    error: str | None = None


Task = FitTask | ScoreTask
Result = FitResult | ScoreResult


def work(task: Task) -> Result:
    """Do a task. An estimator of the user may raise anything: that harms this candidate alone."""
    try:
        model = load_app(task.app).models[task.model]
        # of libraries, about the user's estimators: the loss tells what matters
        with warnings.catch_warnings(action="ignore"), threadpool_limits(threads_worth(task)):
            return _fit(model, task) if isinstance(task, FitTask) else _score(model, task)
    except Exception as error:
        return failed(task, error)


def failed(task: Task, error: Exception) -> Result:
    """What came of a task that did not end."""
    if isinstance(task, FitTask):
        return FitResult(task.model, task.candidate, error=last_line(error))
    return ScoreResult(task.model, None, last_line(error))


def threads_worth(task: Task) -> int:
    """How many threads a task shall use. Threads wait for each other in a busy loop, which few rows are not worth."""
    return max(1, min(task.threads, task.table.rows // ROWS_A_THREAD))


ROWS_A_THREAD = 20_000


def _fit(model: Model, task: FitTask) -> FitResult:
    rows = TrainingMatrix.read(task.table.file, task.table.kinds).between(0, task.end)
    fitted = fit(model, candidates(model)[task.candidate], rows, threads_worth(task), task.rounds, task.pickles)
    return finish(model, task, fitted)


def finish(model: Model, task: FitTask, fitted: Fitted) -> FitResult:
    """Score and store what was fitted."""
    loss = None
    if task.end < task.table.rows:
        loss = _loss(model, task.table, task.end, fitted.raw, fitted.encoding, fitted.classes)
    with TemporaryDirectory(prefix="anabranch-model-") as folder:
        path = Path(folder) / fitted.format
        fitted.save(path)
        blob = task.store.opened().put(path)
    held = {"format": fitted.format, "encoding": {**fitted.encoding.data(), "classes": fitted.classes}}
    return FitResult(task.model, task.candidate, loss, held, blob, fitted.rounds)


def _score(model: Model, task: ScoreTask) -> ScoreResult:
    champion = VersionPredictor.open(task.version, model.task, task.held, task.store.opened().fetch(task.blob))
    loss = _loss(model, task.table, task.start, champion.raw, champion.encoding, champion.classes)
    return ScoreResult(task.model, loss)


def _loss(
    model: Model, table: TrainingTable, start: int, raw: Raw, encoding: Encoding, classes: Sequence[LabelValue]
) -> float:
    """The mean loss on the rows from `start` on, some at a time."""
    total = 0.0
    for rows in chunks(table.file, table.kinds, start, table.rows):
        costs = version_losses(model.metric, raw(rows.matrix(encoding)), classes, rows.labels().tolist())
        total += float(costs.sum())
    return total / (table.rows - start)
