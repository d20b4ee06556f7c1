"""The stage of a batch run that trains: candidates, the gate, and the versions of the new generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from anabranch.cut import Cut
from anabranch.features import last_line
from anabranch.model import Model
from batch.cluster import DaskWorkers, Workers
from batch.errors import GenerationError
from batch.generation import Generation
from batch.models import pickled_files
from batch.models.candidates import candidates
from batch.models.estimator import trains_together
from batch.models.model_files import file_entry
from batch.models.train import FitResult, FitTask, Result, ScoreResult, ScoreTask, Task, failed, work
from batch.models.training_table import TrainingTable
from eventlog.home_key import HomeKey
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError

LEAST_ROWS = 10
"""Fewer rows with a label are nothing to learn from."""


@dataclass
class Training:
    """One model in training.

    Attributes
    ----------
    names
        Those of its candidates; by each, whether all workers of a cluster can train it together.
    rows
        How many it has with a label.
    table
        They, if they are enough to learn from.
    incumbent
        The champion, where it can be compared: the generation that has it, and what its manifest says.
    fitted
        The candidates that were fitted, by name.
    errors
        Why others were not.
    incumbent_loss
        On the same holdout; None: there is no incumbent that could be scored.
    served
        The winner, fitted on all rows.
    """

    model: Model
    names: dict[str, bool]
    rows: int = 0
    table: TrainingTable | None = None
    incumbent: tuple[Generation, dict[str, Any]] | None = None
    fitted: dict[str, FitResult] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    incumbent_loss: float | None = None
    served: FitResult | None = None

    @classmethod
    def of(cls, model: Model) -> Training:
        """A model before its training."""
        try:
            return cls(model, {name: trains_together(made) for name, made in candidates(model).items()})
        except Exception as error:  # a function of the user may raise anything
            return cls(model, {}, errors={"batch": last_line(error)})

    @property
    def steps(self) -> int:
        """How many: its table, its candidates, and the winner once more."""
        return len(self.names) + 2

    @property
    def winner(self) -> FitResult | None:
        """The best candidate on the holdout; the first of equals."""
        first = (self.fitted[name] for name in self.names if name in self.fitted)
        return min(first, key=lambda result: result.loss or 0.0, default=None)

    @property
    def promoted(self) -> bool:
        """The gate: whether the winner takes the champion's place."""
        winner = self.winner
        if winner is None or winner.loss is None:
            return False
        if self.incumbent_loss is None:
            return True
        return winner.loss <= self.incumbent_loss * (1.0 + self.model.tolerance)

    def take(self, table: TrainingTable) -> None:
        """Train on these rows, if they are enough to learn from."""
        self.rows = table.rows
        if table.rows >= LEAST_ROWS and table.kinds:
            self.table = table

    def complaints(self) -> Iterator[str]:
        """What a person should know of it."""
        name = self.model.name
        for what, error in self.errors.items():
            yield f"model {name!r}: {what} failed: {error}"
        if self.table is None:
            yield f"model {name!r} is not trained: it has {self.rows:,} rows with a label, and needs {LEAST_ROWS}"
        elif self.served is None:
            yield f"model {name!r} has no new version"
        elif not self.promoted and self.winner is not None:
            yield (
                f"model {name!r}: the new version is rejected, its loss on the holdout is {self.winner.loss:.6g} and"
                f" the champion's {self.incumbent_loss:.6g}"
            )

    def report(self) -> dict[str, Any]:
        """What the manifest says of the candidates."""
        losses = {name: {"loss": result.loss} for name, result in self.fitted.items()}
        return {**losses, **{name: {"error": error} for name, error in self.errors.items()}}

    def version(self, number: int, cut: Cut, pickles: HomeKey | None) -> dict[str, Any] | None:
        """What the manifest says of the new version; None: there is none."""
        winner, served, table = self.winner, self.served, self.table
        if winner is None or served is None or table is None or winner.held is None or served.held is None:
            return None
        if winner.blob is None or served.blob is None:
            return None
        start = table.holdout(self.model.holdout)
        return {
            "version": number,
            "generation": number,
            "cut": str(cut),
            "rows": table.rows,
            "holdout": {"loss": winner.loss, "rows": table.rows - start, "incumbent": self.incumbent_loss},
            "candidate": winner.candidate,
            "promoted": self.promoted,
            "fingerprint": self.model.fingerprint,
            **served.held,
            "file": file_entry(served.blob, served.held["format"], pickles),
            "gate": {**winner.held, "file": file_entry(winner.blob, winner.held["format"], pickles)},
        }


@dataclass(frozen=True)
class ModelTrainer:
    """Trains models, all of their candidates at once.

    Attributes
    ----------
    app_path
        Where the application is, for `load_app`.
    workers
        Who does it.
    blobs
        Where the files that are made go.
    distributed_bytes
        A LightGBM whose rows are larger is trained by all workers of a cluster together.
    pickles
        The key of the home, where models may be pickles; None: they may not.
    advance, problem
        Told of each fit, and of what went wrong.
    """

    app_path: str
    workers: Workers
    blobs: Blobs
    distributed_bytes: int
    pickles: HomeKey | None
    advance: Callable[[int], None]
    problem: Callable[[str], None]

    def train(self, trainings: Sequence[Training]) -> None:
        """Train, score the champions beside, and train the winners once more, on all rows."""
        by_model = {training.model.name: training for training in trainings}
        for result in self._run([task for training in trainings for task in self._first_tasks(training)]):
            _take(by_model[result.model], result)
        for result in self._run([task for training in trainings for task in self._last_task(training)]):
            training = by_model[result.model]
            if isinstance(result, FitResult) and result.error is None:
                training.served = result
            else:
                training.errors["all rows"] = str(result.error)
        for training in trainings:
            for text in training.complaints():
                self.problem(text)

    def _first_tasks(self, training: Training) -> Iterator[Task]:
        """Every candidate, and the champion."""
        model, table = training.model, training.table
        if table is None:
            return
        start = table.holdout(model.holdout)
        allowed, store = self.pickles is not None, StoreAddress.of(self.blobs)
        for name, together in training.names.items():
            yield FitTask(self.app_path, model.name, name, table, start, None, store, together, pickles=allowed)
        if training.incumbent is not None:
            _, entry = training.incumbent
            gate, blob = entry["gate"], Blob.of(entry["gate"]["file"])
            try:
                pickled_files.check(gate["format"], gate["file"], self.blobs.fetch(blob), self.pickles)
            except (GenerationError, BlobDamagedError) as error:
                training.errors["the champion"] = str(error)
                return
            held = {"format": gate["format"], "encoding": gate["encoding"]}
            yield ScoreTask(self.app_path, model.name, entry["version"], held, blob, store, table, start)

    def _last_task(self, training: Training) -> Iterator[Task]:
        """The winner."""
        model, table, winner = training.model, training.table, training.winner
        if table is not None and winner is not None:
            name, store = winner.candidate, StoreAddress.of(self.blobs)
            together, allowed, end = training.names[name], self.pickles is not None, table.rows
            yield FitTask(self.app_path, model.name, name, table, end, winner.rounds, store, together, pickles=allowed)

    def _run(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """What came of some tasks: of those that are too large for one worker, one after the other."""
        workers = self.workers
        large = [task for task in tasks if isinstance(task, FitTask) and self._is_large(task)]
        if large and find_spec("pandas") is None:
            self.problem("rows are too large for one worker, and LightGBM needs pandas to train on all: they try alone")
            large = []
        if isinstance(workers, DaskWorkers) and large:
            from batch.models.distributed_fit import fit_on_all_workers

            for task in large:
                yield fit_on_all_workers(workers, task)
                self.advance(1)
        small = [task for task in tasks if task not in large]
        threads = workers.threads(len(small))
        for done, outcome in workers.outcomes(work, [replace(task, threads=threads) for task in small]):
            # what an estimator raises is a result; this is one that killed its process, four times
            result = failed(done, outcome) if isinstance(outcome, Exception) else outcome
            yield result
            self.advance(isinstance(result, FitResult))

    def _is_large(self, task: FitTask) -> bool:
        # processes of one machine share its memory anyway, and LightGBM would open sockets between them to anybody
        workers = self.workers
        several = isinstance(workers, DaskWorkers) and not workers.is_local and len(workers.client.nthreads()) > 1
        return several and task.together and task.table.bytes_in_memory > self.distributed_bytes


def _take(training: Training, result: Result) -> None:
    if isinstance(result, ScoreResult):
        training.incumbent_loss = result.loss
        if result.error is not None:
            training.errors["the champion"] = result.error
    elif result.error is None:
        training.fitted[result.candidate] = result
    else:
        training.errors[result.candidate] = result.error
