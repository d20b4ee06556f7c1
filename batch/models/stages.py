"""The stages of a batch run that concern models: replay and train."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.app import App
from anabranch.cut import Cut
from anabranch.feature_kinds import Kinds
from anabranch.features import last_line
from batch.capacity import Capacity
from batch.cluster import Workers
from batch.duckdb_session import Connection
from batch.generation import Generation
from batch.models import skew
from batch.models.model_files import KEPT_VERSIONS, carry, held_versions
from batch.models.model_rows import ModelRows
from batch.models.replay import replay
from batch.models.replay_task import Replayed, ReplayTask
from batch.plan import Slice
from batch.run_progress import Progress
from batch.views.slice_fold import SliceDelta
from eventlog.decisions import FEATURES
from eventlog.decisions.champions import NONE_YET, ChampionsByModel
from eventlog.errors import LakeDamagedError, LeaseLostError
from eventlog.home_key import HomeKey
from eventlog.lake import Lake
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blobs

if TYPE_CHECKING:
    from batch.models.training import ModelTrainer, Training


@dataclass(frozen=True, slots=True)
class NewGeneration:
    """The generation that a run makes: its number and cut."""

    number: int
    cut: Cut


@dataclass
class ModelStages:
    """The models of one run.

    Attributes
    ----------
    capacity
        Who replays and trains, in what pieces.
    blobs
        Where rows and versions are.
    folder
        For what is only needed during the run.
    distributed_bytes, pickles
        See `batch.models.training.ModelTrainer`.
    check
        Raises if another run took over.
    problem
        Told of what should have been usable and was not.
    rows
        By model.
    promoted
        By model, the new version that takes the champion's place.
    """

    app: App
    capacity: Capacity
    lake: Lake
    blobs: Blobs
    folder: Path
    distributed_bytes: int
    progress: Progress
    check: Callable[[], None]
    problem: Callable[[str], None]
    rows: dict[str, ModelRows] = field(default_factory=dict)
    promoted: dict[str, int] = field(default_factory=dict)
    pickles: HomeKey | None = None

    def keep(self, base: Generation | None) -> Generation | None:
        """Find the rows that need no replay; returns the generation on which views and rows go on together.

        That is `base`, or none at all: a model whose rows begin at 0 needs the views from there on.
        """
        of_models = {n: ModelRows.kept(model, base, self.blobs, self.problem) for n, model in self.app.models.items()}
        self.rows = of_models
        return base if base is None or all(rows.start == base.end for rows in of_models.values()) else None

    def starts(self) -> list[int]:
        """Where the replay of each model begins."""
        return [rows.start for rows in self.rows.values()]

    def parts(self, end: int, workers: Workers) -> list[Slice] | None:
        """The slices of the run; None: views choose their own, there is nothing to replay."""
        if not self.rows:
            return None
        return self.capacity.parts([end, *self.starts()], workers)

    def replay(
        self, workers: Workers, parts: Sequence[Slice], deltas: Sequence[SliceDelta], base: Generation | None
    ) -> None:
        """Replay the slices to rows.

        Parameters
        ----------
        deltas
            What they add to the views, in order.
        base
            What `keep` returned.
        """
        self.progress.stage("replay", sum(part.end - part.start for part in parts))
        starts = {name: rows.start for name, rows in self.rows.items()}
        kinds = {name: rows.kinds for name, rows in self.rows.items() if rows.kinds is not None}

        def tasks(some: Sequence[Slice], starts: Mapping[str, int], kinds: Mapping[str, Kinds]) -> list[ReplayTask]:
            ranges = self.capacity.replays(self.app, self.lake, some, deltas, base, workers)
            store, scratch = StoreAddress.of(self.blobs), str((self.folder / "replay").resolve())
            return [ReplayTask(part, starts, kinds, store, scratch) for part in ranges]

        replayed: dict[tuple[str, Slice], Replayed] = {}

        def work(some: Sequence[ReplayTask], advance: Callable[[int], None]) -> None:
            for found in workers.run(replay, some):
                self.check()
                replayed.update(((of_model.model, of_model.part), of_model) for of_model in found)
                advance(sum(part.end - part.start for part in {of_model.part for of_model in found}))

        try:
            work(tasks(parts, starts, kinds), self.progress.advance)
            while again := self._misjudged(replayed.values()):
                for part, known in again.items():  # the progress has counted it before
                    work(tasks([part], dict.fromkeys(known, 0), known), lambda records: None)
        except (LeaseLostError, LakeDamagedError):
            raise
        except Exception as error:  # a worker that died, a features function that took its memory: views go on
            self._give_up_rows(last_line(error))
            return
        for rows in self.rows.values():
            rows.add(replayed.values())
            complaint = rows.complaint()
            if complaint is not None:
                self.problem(complaint)

    def _give_up_rows(self, error: str) -> None:
        """Train nothing in this run, and have the next one replay from the beginning: rows without holes or none."""
        self.rows = {name: ModelRows(rows.model, error=error) for name, rows in self.rows.items()}
        self.problem(f"no model is trained: the replay broke off, and the next run begins it anew: {error}")

    def _misjudged(self, replayed: Collection[Replayed]) -> dict[Slice, dict[str, Kinds]]:
        """By slice that has to be replayed again, the models and what is known of their features before it."""
        found: dict[Slice, dict[str, Kinds]] = {}
        for name, rows in self.rows.items():
            for part, kinds in rows.misjudged(replayed).items():
                found.setdefault(part, {})[name] = kinds
        return found

    def train(
        self,
        connection: Connection,
        workers: Workers,
        champions: ChampionsByModel,
        generations: Sequence[Generation],
        since: int,
        new: NewGeneration,
    ) -> dict[str, Any]:
        """Train all models; returns what the manifest says of them.

        Parameters
        ----------
        champions
            Those of each model, as the log says now.
        generations
            Those that may have versions to carry, the newest first.
        since
            Where the last generation ends: later samples of what the speed layer froze are compared.
        """
        from batch.models.training import Training  # NumPy and more: a run without models does not load them

        trainings = [Training.of(model) for model in self.app.models.values()]
        self.progress.stage("train", sum(training.steps for training in trainings))
        held = {name: held_versions(model, generations) for name, model in self.app.models.items()}
        present = {name: champions.get(name, NONE_YET).present for name in held}
        for training in trainings:
            name = training.model.name
            training.incumbent = next((v for v in held[name] if v[1]["version"] == present[name]), None)
            try:
                self._write_table(connection, workers, training)
            except Exception as error:  # no model stops another one
                training.errors["rows"] = last_line(error)
            self.progress.advance()
        try:
            self._trainer(workers).train(trainings)
        except LeaseLostError:
            raise
        except Exception as error:  # the cluster is away: views are published all the same
            for training in trainings:
                training.errors.setdefault("training", last_line(error))
            self.problem(f"training broke off: {last_line(error)}")
        skews = self._skews(connection, since, new.cut)
        return {
            training.model.name: self._entry(
                training, held[training.model.name], present[training.model.name], skews, new
            )
            for training in trainings
        }

    def _trainer(self, workers: Workers) -> ModelTrainer:
        from batch.models.training import ModelTrainer

        def advance(n: int) -> None:
            self.check()
            self.progress.advance(n)

        return ModelTrainer(
            self.capacity.absolute_app_path,
            workers,
            self.blobs,
            self.distributed_bytes,
            self.pickles,
            advance,
            self.problem,
        )

    def _write_table(self, connection: Connection, workers: Workers, training: Training) -> None:
        """Give a model its training table, if it has enough rows."""
        rows = self.rows[training.model.name]
        if rows.error is not None:
            training.errors["replay"] = rows.error
        if not rows.rows:
            return
        into = self.folder / "training" / f"{training.model.name}.parquet"
        table = rows.training_table(connection, self.blobs, into)
        exchange = self.capacity.exchange
        if not workers.is_local and exchange is not None:
            table = table.handed_on(exchange, f"training/{training.model.name}")
        training.take(table)

    def _skews(self, connection: Connection, since: int, cut: Cut) -> dict[str, dict[str, Any]]:
        """The skew test of every model."""
        end = cut.offsets[0]
        taken = skew.samples(connection, self.lake.files(FEATURES, since, end), since, end)
        found = {}
        for name, rows in self.rows.items():
            try:
                found[name] = skew.compare(connection, rows.model, taken, rows.paths(self.blobs))
            except Exception as error:  # as above
                found[name] = {"checked": 0, "unequal": 0, "examples": []}
                self.problem(f"features of model {name!r} could not be compared: {last_line(error)}")
                continue
            problem = skew.problem(name, found[name])
            if problem is not None:
                self.problem(problem)
        return found

    def _entry(
        self,
        training: Training,
        held: Sequence[tuple[Generation, dict[str, Any]]],
        champion: int | None,
        skews: Mapping[str, dict[str, Any]],
        generation: NewGeneration,
    ) -> dict[str, Any]:
        """What the manifest says of one model."""
        model = training.model
        rows = self.rows[model.name]
        new = training.version(generation.number, generation.cut, self.pickles)
        versions = [] if new is None else [new]
        most = KEPT_VERSIONS - len(versions)
        versions += carry(held, most, champion, self.blobs, self.problem)
        if new is not None and new["promoted"]:
            champion = self.promoted[model.name] = generation.number
        failed = {"count": rows.failed, "examples": rows.examples}
        return {
            "fingerprint": model.fingerprint,
            "task": model.task,
            "metric": model.metric,
            "rows": rows.manifest(),
            "versions": versions,
            "champion": champion if any(version["version"] == champion for version in versions) else None,
            "report": {"candidates": training.report(), "skew": skews[model.name], "failed": failed},
        }


def report(models: Mapping[str, Mapping[str, Any]], number: int) -> dict[str, Any]:
    """What the record of a run says of its models, by name.

    Parameters
    ----------
    models
        What the manifest says of them.
    number
        The generation of the run.
    """
    found = {}
    for name, of_model in models.items():
        new = next((version for version in of_model["versions"] if version["version"] == number), None)
        found[name] = {
            "version": None if new is None else number,
            "promoted": new is not None and new["promoted"],
            "candidate": new and new["candidate"],
            "rows": new and new["rows"],
            "holdout": new and new["holdout"],
            **of_model["report"],
        }
    return found
