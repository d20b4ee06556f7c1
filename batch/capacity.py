"""How much a run takes on at once: who does the work, in what pieces, with how much memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anabranch import App
from anabranch.load import reference_parts
from anabranch.view import View
from batch.cluster import StartingWorkers, Workers, WorkEstimate
from batch.exchange import Exchange
from batch.generation import Generation
from batch.models.replay_task import ReplayRange, ViewDelta
from batch.plan import BaseGeneration, Slice, ViewGroup, aligned, plan, ranges, slices
from batch.views.layers import WORTH_A_LAYER
from batch.views.slice_fold import SliceDelta, SliceTask
from eventlog.lake import Lake
from eventlog.store.blobs import Blob

SQL_SLICES = 16
"""How much larger slices are in SQL: DuckDB streams over them, and larger ones leave less to merge."""
MEMORY_BYTES = 800_000_000
"""What DuckDB may use in the process of the run; half of it in every task."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Who folds, and in what pieces; the parameters of `batch.run.run_batch` of the same names."""

    app_path: str
    dask: str | None
    workers: int | None
    slice_records: int
    retracted: frozenset[int] = frozenset()
    """Offsets of events that were taken out of the log: no slice has them."""
    exchange: Exchange | None = None
    """Where workers find the lake, and hand on what they make; only tasks need it."""
    worth_a_layer: int = WORTH_A_LAYER

    def start(self, app: App, base: BaseGeneration | None, end: int, scratch: Path) -> StartingWorkers:
        """Start the workers for what there will be to fold if the run goes on from `base`, in the background.

        What they write down beside their results lies in `scratch`.
        """
        groups = plan(app.views.values(), base)
        records = max((end - group.start for group in groups), default=0)
        in_python = sum(_in_python(app.views[name]) for group in groups for name in group.views)
        if app.models:
            records = max(records, end - (0 if base is None else base.end))
        estimate = WorkEstimate(records, in_python, len(app.models))
        return StartingWorkers(self.dask, self.workers, estimate, scratch)

    def parts(self, edges: Iterable[int], workers: Workers) -> list[Slice]:
        """The slices of a run that replays: those of the views end where those of the replay begin."""
        cut = aligned(edges, self.slice_records, workers.count)
        return [part.leaving_out(self.retracted) for part in cut]

    def tasks(
        self,
        app: App,
        lake: Lake,
        groups: Sequence[ViewGroup],
        end: int,
        workers: Workers,
        parts: Sequence[Slice] | None = None,
    ) -> Iterator[SliceTask]:
        """A task for every slice of every group of views that holds records of their stream.

        Parameters
        ----------
        end
            The cut of the run.
        parts
            The slices of every group; None: as it suits each.
        """
        assert self.exchange is not None
        app_path = self.absolute_app_path
        files_by_place: dict[tuple[str, Slice], tuple[Blob, ...]] = {}
        for group in groups:
            in_sql = not any(_in_python(app.views[name]) for name in group.views)
            records = self.slice_records * (SQL_SLICES if in_sql else 1)
            own = slices(group.start, end, records, workers.count) if parts is None else parts
            for part in (part.leaving_out(self.retracted) for part in own):
                place = (group.stream, part)
                if place not in files_by_place:
                    files_by_place[place] = tuple(lake.held(group.stream, part.start, part.end))
                if files := files_by_place[place]:
                    yield SliceTask(
                        app_path,
                        group.views,
                        part,
                        files,
                        self.exchange,
                        workers.task_threads,
                        MEMORY_BYTES // 2,
                        app.recorded,
                    )

    def replays(
        self,
        app: App,
        lake: Lake,
        parts: Sequence[Slice],
        deltas: Sequence[SliceDelta],
        base: Generation | None,
        workers: Workers,
    ) -> Iterator[ReplayRange]:
        """Ranges of slices, at most two for a worker: each begins with a merge of what came before.

        Parameters
        ----------
        deltas
            What the slices add to the views, in order.
        base
            The generation that covers everything before the first slice; None: there is nothing before it.
        """
        assert self.exchange is not None
        of_view: dict[str, list[ViewDelta]] = {name: [] for name in app.views}
        for found in deltas:
            for name, table in found.tables.items():
                of_view[name].append(ViewDelta(found.part.end, table, found.newest))
        streams = {view.of.name for view in app.views.values()}
        for model in app.models.values():
            streams |= {model.on.name} if model.later_label is None else {model.on.name, model.later_label.stream.name}
        for part in ranges(parts, RANGES * workers.count):
            start, end = part[0].start, part[-1].end
            yield ReplayRange(
                self.absolute_app_path,
                part,
                {name: tuple(lake.held(name, start, end)) for name in streams},
                None if base is None else base.publication,
                {name: tuple(d for d in found if d.end < end) for name, found in of_view.items()},
                {} if base is None else base.watermarks(app),
                workers.task_threads,
                MEMORY_BYTES // 2,
                app.recorded,
                self.exchange,
            )

    @property
    def absolute_app_path(self) -> str:
        """Where a worker finds the application: it may stand in another folder."""
        path, name = reference_parts(self.app_path)
        return f"{path}:{name}" if name else str(path)


RANGES = 2
"""Ranges of slices of a replay for each worker: with one, all would wait for the slowest."""


def _in_python(view: View) -> bool:
    """Whether the fold of a view runs Python for every event or every tile."""
    return not view.vectorised or any(aggregate.fold_sql("v", "o") is None for aggregate in view.aggregates.values())
