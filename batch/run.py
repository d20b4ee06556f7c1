"""A batch run, from the marker to the retention. Safe to run twice, to kill, and to run again.

========  ===================================================  ================================================
stage     what it does                                         killed in it, the next run
========  ===================================================  ================================================
mark      takes the lease, appends ``batch_started``: the cut  takes the lease of the dead process
archive   checks that the lake is whole, moves records before  goes on where the lake ends
          the cut into it
fold      slices of the log to tables of tiles                 removes the tables, folds again
merge     tables of tiles to the files of the views, put into  merges again
          the store as blobs, as all that follows
replay    slices of the log to training rows (if it has        replays again
          models, and so on)
train     rows to models, compared on the holdout              trains again
publish   creates the manifest, appends ``batch_published``    publishes its own; blobs and a manifest that nobody
                                                               announced are collected after a day
trim      drops old records and old generations                drops them
========  ===================================================  ================================================

What is served changes at one point only, the ``batch_published`` event. It is fenced by the lease: a run that was
paused for so long that another took over cannot publish. Nothing that it can do before harms the other: in the store,
names are created and never overwritten; what is not in the store lies in the scratch folder of the run.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import eventlog.lake.delta_table  # noqa: F401 (Delta and Arrow load long: rather before the lease is held than after)
from anabranch import App, Cut, load_app
from anabranch.instant import instant, iso
from anabranch.watermarks import Watermarks
from batch.archive import archive, check_archived, mend_archived, pending
from batch.capacity import MEMORY_BYTES, Capacity
from batch.cluster import StartingWorkers
from batch.duckdb_session import Connection, connect, is_of_the_disk
from batch.errors import LeaseHeldError, UnwritableError, ViewTooWideError
from batch.exchange import Exchange, remove_earlier, remove_handed_on
from batch.generation import Generation
from batch.generations import Generations
from batch.lease_keeper import LeaseKeeper
from batch.models.stages import ModelStages, NewGeneration, report
from batch.plan import Slice, ViewGroup, plan
from batch.publication_outcome import was_published
from batch.publish_generation import publish_generation
from batch.run_place import is_earlier, place_of
from batch.run_progress import NoProgress, Progress
from batch.run_record import RunRecord
from batch.stream_watermarks import watermarks_at
from batch.tidying import Tidying
from batch.views.fold_all import fold_all, is_out_of_memory
from batch.views.layers import WORTH_A_LAYER
from batch.views.slice_fold import SliceDelta
from batch.views.view_merge import merge_view
from eventlog.clock import Clock, now_us
from eventlog.decisions import (
    BatchFailed,
    BatchStarted,
    Publication,
    champions_by_model,
    decisions,
    publications,
)
from eventlog.errors import LeaseLostError, LogUnavailableError
from eventlog.home_key import HomeKey
from eventlog.lake import Lake
from eventlog.lake.digests import give_digests
from eventlog.log import Log
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.lease_holder import this_process
from eventlog.registry.leases import Leases
from eventlog.registry.replicas import Replicas
from eventlog.registry.runs import Runs, Status
from eventlog.store.errors import StoreError

LEASE = "batch"
LEASE_SECONDS = 60.0
MERGED_KEPT_US = 86_400_000_000
"""For how long files of the lake stay after they were merged into others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    generation, run, cut
        The number that was published, by which run, and what it covers.
    events
        How many records of the log were folded anew.
    problems
        One sentence for everything that should have been usable and was not, and was worked around.
    """

    generation: int
    run: str
    cut: Cut
    events: int
    problems: list[str]


def run_batch(
    app_path: str,
    home: Path,
    log: Log,
    leases: Leases,
    runs: Runs,
    lake: Lake,
    *,
    replicas: Replicas | None = None,
    full: bool = False,
    mend: bool = False,
    dask: str | None = None,
    workers: int | None = None,
    slice_records: int = 1_000_000,
    worth_a_layer: int = WORTH_A_LAYER,
    train_bytes: int = 1_000_000_000,
    retention_us: int = 7 * 86_400_000_000,
    pickles: HomeKey | None = None,
    progress: Progress | None = None,
    run: str | None = None,
    clock: Clock = now_us,
) -> Outcome:
    """Run the batch layer once, and publish a generation.

    Parameters
    ----------
    app_path
        The application, ``file.py`` or ``file.py:name``; the workers load it too.
    home
        Where ``batch/`` is, the scratch folders of runs. An existing cluster must see it under the same path.
    replicas
        Who folds the log: what they need is not removed. None: nobody does.
    full
        Recompute everything from the raw log, instead of what is new or changed.
    mend
        Mend the lake first, if it is damaged.
    dask
        The address of an existing cluster, ``tcp://host:port``; None: one of this machine.
    workers
        How many workers on this machine; None: one a processor.
    slice_records
        How many records a slice has at most, which bounds the memory.
    worth_a_layer
        Layers of a view with no more tiles are written again with what is new; see `batch.views.layers`.
    train_bytes
        How large the rows of a model may be as a matrix for one worker to train on; a LightGBM with more is trained by
        all workers of a cluster together.
    retention_us
        How long archived records stay in the hot log, by append time.
    pickles
        The key of the home, where models may be pickles; None: they may not.
    run
        What to call the run; no other may have had the name. None: a name with the time.

    Raises
    ------
    LeaseHeldError
        If another run is at work. Nothing was changed.
    eventlog.errors.LeaseLostError
        If another run took over. Nothing was published.
    eventlog.errors.LakeDamagedError
        If the lake does not hold what was archived. Nothing was published.
    UnwritableError
        If a disk is full, say. Nothing was published.
    """
    app = load_app(app_path)
    lease = leases.acquire(LEASE, this_process(), LEASE_SECONDS)
    if lease is None:
        raise LeaseHeldError
    with LeaseKeeper(leases, lease, LEASE_SECONDS) as keeper:
        name = run or f"{instant(clock()):%Y%m%dT%H%M%SZ}-{lease.token}"
        record = RunRecord(runs, name, full, progress or NoProgress())
        condemned = CondemnedBlobs(leases.database, clock)
        generations = Generations(lake.blobs, pickles)  # one store has both
        batch = _Batch(app, home / "batch", generations, log, record, lake, keeper, name, clock, replicas, condemned)
        try:
            capacity = Capacity(app_path, dask, workers, slice_records, worth_a_layer=worth_a_layer)
            outcome = batch.run(full, mend, capacity, train_bytes, retention_us)
        except BaseException as error:
            batch.fail(error)
            lost = keeper.overtaken() if isinstance(error, Exception) else None
            if lost is not None and not isinstance(error, LeaseLostError):
                raise lost from error  # a successor removed its scratch folder, say: it is not the disk
            if is_of_the_disk(error):
                raise UnwritableError(error) from error
            raise
        finally:
            batch.close()
    if keeper.problem is not None:
        outcome.problems.append(keeper.problem)
    return outcome


class _Batch:
    """One run at work: what its stages share."""

    def __init__(
        self,
        app: App,
        scratch: Path,
        generations: Generations,
        log: Log,
        record: RunRecord,
        lake: Lake,
        keeper: LeaseKeeper,
        name: str,
        clock: Clock,
        replicas: Replicas | None,
        condemned: CondemnedBlobs,
    ):
        self.app = app
        self.generations = generations
        self.log = log
        self.record = record
        self.progress = record.progress
        self.lake = lake
        self.keeper = keeper
        self.name = name
        self.clock = clock
        self.replicas = replicas
        self.condemned = condemned
        place = place_of(name, keeper.lease.token)
        self.folder = scratch / place
        self.exchange = Exchange.of(lake.blobs, place, self.folder)
        self.published: int | None = None
        self.publishing: int | None = None  # from the moment on when it may be in the log

    def run(self, full: bool, mend: bool, capacity: Capacity, train_bytes: int, retention_us: int) -> Outcome:
        """All stages."""
        self._prepare_folder()
        remove_earlier(self.lake.blobs.store, self.keeper.lease.token)
        self.progress.stage("mark", 1)
        self.cut = Cut((self.log.mark(BatchStarted(self.name).event(), self.keeper.lease),))
        self.record.tell(cut=str(self.cut))
        for sentence in mend_archived(self.log, self.lake, self.app) if mend else ():
            self.record.problem(sentence)
        self.retracted = frozenset(offset for offset in self.log.retracted() if offset < self.end)
        capacity = replace(capacity, retracted=self.retracted, exchange=self.exchange)
        self.progress.advance()
        known = publications(self.log, self.cut)
        newest = next(iter(self.generations.peeked(known[:1])), None)  # only to learn how much there may be to fold
        starting = capacity.start(self.app, None if full else newest, self.end, self.folder / "dask")
        models = self._models(capacity, train_bytes)
        try:
            self._archive()
            # an error that damage led to is told as damage, and nothing is published before every file was checked
            with connect(None, MEMORY_BYTES, self.folder / "spill") as connection, self.lake.checked_meanwhile():
                self.record.settle(known)
                previous = None if full else self._base(known)
                base = models.keep(previous)
                groups = plan(self.app.views.values(), base)
                events = self.end - min([*(group.start for group in groups), *models.starts()], default=self.end)
                self.record.tell(events=events)
                parts, deltas = self._fold(groups, starting, capacity, models)
                new = NewGeneration(known[0].generation + 1 if known else 1, self.cut)
                views = self._merge(connection, groups, deltas, base, capacity.worth_a_layer)
                learnt = self._learn(connection, starting, models, parts, deltas, base, known, new)
                watermarks = watermarks_at(connection, self.app, self.lake, previous, self.end, self.retracted)
        finally:
            starting.close()
        self._publish(new, previous, views, watermarks, learnt, models.promoted)
        self._tidy(known, retention_us)
        self.progress.end()
        self.record.finish_published(new.number)
        return Outcome(new.number, self.name, self.cut, events, self.record.problems)

    @property
    def end(self) -> int:
        return self.cut.offsets[0]

    def fail(self, error: BaseException) -> None:
        """Say in the log and in the registry that the run failed, as far as they can be reached.

        What ends a run after its publication takes nothing back: then the registry says that it published. If nobody
        knows whether it did, neither is said: the next run finds out.
        """
        if self.published is None and self.publishing is not None:
            try:
                self.published = self.publishing if was_published(self.log, self.name, 0) else None
            except Exception as unknown:
                error.add_note(f"and whether the run published is not known, the next run will tell: {unknown}")
                return
        if self.published is not None:
            self.record.finish_published(self.published, patience_seconds=0)
            return
        ended = isinstance(error, SystemExit | KeyboardInterrupt)  # by a signal: nothing is wrong with the run
        status: Status = "abandoned" if ended else "failed"
        text = f"{type(error).__name__}: {error}"
        for say in (
            lambda: self.log.mark(BatchFailed(self.name, text).event(), self.keeper.lease),
            lambda: self.record.finish(status, text),
        ):
            try:
                say()
            except Exception as also:  # the first error is the one to report
                error.add_note(f"and it could not be recorded: {also}")

    def close(self) -> None:
        """Leave nothing behind but what was published, and what the next run collects."""
        with suppress(StoreError):  # the next run removes it
            remove_handed_on(self.lake.blobs.store, self.exchange.run)
        self.generations.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare_folder(self) -> None:
        """Make the scratch folder, and remove those of runs that were killed or overtaken."""
        for path in self.folder.parent.glob("*"):
            if is_earlier(path.name, self.keeper.lease.token):
                shutil.rmtree(path, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _base(self, known: Sequence[Publication]) -> Generation | None:
        """The generation to go on from; None: everything is recomputed."""
        base = self.generations.base(known, self.record.problem)
        held = [] if base is None else base.holds(self.retracted)
        if base is not None and held:
            told = f"{len(held):,} events were taken out of the log that generation {base.number} covers"
            self.record.problem(f"{told}: everything is recomputed without them")
            return None
        return base

    # stages

    def _archive(self) -> None:
        self.progress.stage("archive", pending(self.lake, self.cut))

        def advance(n: int) -> None:
            self.keeper.check()
            self.progress.advance(n)

        # before anything is added, too: a commit that was lost can be put back only as long as no other takes its place
        check_archived(self.log, self.lake)
        archive(self.log, self.lake, self.app, self.cut, advance)
        self.lake.check_whole(self.end)
        give_digests(self.lake)

    def _fold(
        self, groups: Sequence[ViewGroup], starting: StartingWorkers, capacity: Capacity, models: ModelStages
    ) -> tuple[list[Slice], list[SliceDelta]]:
        """Fold all views; returns the slices of the replay, if there is one, and what each slice adds to the views."""
        total = sum(self.end - group.start for group in groups)
        self.progress.stage("fold", total)
        workers = starting.wait()
        parts = models.parts(self.end, workers)
        found = []
        tasks = capacity.tasks(self.app, self.lake, groups, self.end, workers, parts)
        for delta in fold_all(workers, tasks):
            self.keeper.check()
            part = min(total, delta.part.end - delta.part.start)  # views that are tried apart count twice
            total -= part
            self.progress.advance(part)
            found.append(delta.located(self.exchange, self.folder / "tables"))
        self.progress.advance(total)  # what held no record of the stream
        return parts or [], sorted(found, key=lambda delta: delta.part)

    def _merge(
        self,
        connection: Connection,
        groups: Sequence[ViewGroup],
        deltas: Sequence[SliceDelta],
        base: Generation | None,
        worth_a_layer: int,
    ) -> dict[str, dict[str, Any]]:
        """Make the files of every view that are new; returns what the manifest says of them."""
        found = {}
        folder, blobs = self.folder / "views", self.generations.blobs
        self.progress.stage("merge", len(self.app.views))
        for group in groups:
            for name in group.views:
                self.keeper.check()
                mine = [delta for delta in deltas if name in delta.paths]
                failures = sum(delta.failures[name] for delta in mine)
                if failures:
                    self.record.problem(
                        f"a function of view {name!r} raised on {failures:,} events, which it leaves out"
                    )
                view, of_base = self.app.views[name], base if group.start else None
                try:
                    found[name] = merge_view(connection, view, mine, of_base, folder, blobs, worth_a_layer)
                except Exception as error:
                    if is_out_of_memory(error):
                        raise ViewTooWideError(name, "all of its tiles", error) from error
                    raise
                self.progress.advance()
        return {name: found[name] for name in self.app.views}

    def _learn(
        self,
        connection: Connection,
        starting: StartingWorkers,
        models: ModelStages,
        parts: Sequence[Slice],
        deltas: Sequence[SliceDelta],
        base: Generation | None,
        known: Sequence[Publication],
        new: NewGeneration,
    ) -> dict[str, dict[str, Any]]:
        """Replay and train, if there are models; returns what the manifest says of them."""
        if not self.app.models:
            return {}
        workers = starting.wait()
        models.replay(workers, parts, deltas, base)
        # up to the end of the log, not to the cut: who was promoted meanwhile is who the new versions must beat
        champions = champions_by_model(decisions(self.log))
        since = known[0].cut.offsets[0] if known else 0
        learnt = models.train(connection, workers, champions, self.generations.peeked(known), since, new)
        self.record.tell(report=report(learnt, new.number))
        return learnt

    def _publish(
        self,
        new: NewGeneration,
        base: Generation | None,
        views: dict[str, dict[str, Any]],
        watermarks: Watermarks,
        models: dict[str, dict[str, Any]],
        promoted: Mapping[str, int],
    ) -> None:
        self.progress.stage("publish", 1)
        manifest = {
            "log": self.log.id,
            "generation": new.number,
            "run": self.name,
            "app": self.app.name,
            "cut": str(self.cut),
            "retracted": sorted(self.retracted),
            "previous": None if base is None else base.number,
            "created": iso(self.clock()),
            "version": version("anabranch"),
            "watermarks": watermarks,
            "views": views,
            "models": models,
        }
        self.publishing = new.number
        try:
            blobs, condemned = self.generations.blobs, self.condemned.among
            publish_generation(manifest, promoted, blobs, condemned, self.log, self.keeper.lease)
        except LogUnavailableError:
            if not was_published(self.log, self.name):
                raise
        self.published = new.number
        self.progress.advance()

    def _tidy(self, known: Sequence[Publication], retention_us: int) -> None:
        self.progress.stage("trim", 1)
        parts = (self.app, self.log, self.lake, self.generations, self.replicas, self.condemned)
        Tidying(*parts, self.keeper, self.clock, self.record.problem).run(self.cut, known, retention_us)
        self.progress.advance()

    def _models(self, capacity: Capacity, train_bytes: int) -> ModelStages:
        blobs = self.generations.blobs
        check, problem, pickles = self.keeper.check, self.record.problem, self.generations.pickles
        parts = (self.app, capacity, self.lake, blobs, self.folder, train_bytes, self.progress, check, problem)
        return ModelStages(*parts, pickles=pickles)
