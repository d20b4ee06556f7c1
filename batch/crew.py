"""The crew of a run: who folds, in what pieces, with how much memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anabranch import App
from anabranch.view import View
from batch.cluster import Demand, OwnProcess, Starting, Workers
from batch.plan import Base, Slice, Work, plan, slices
from batch.slice_fold import SliceTask
from eventlog.lake import Lake

SQL_SLICES = 8
"""How much larger slices are in SQL: DuckDB streams over them, and larger ones leave less to merge."""
MEMORY_BYTES = 800_000_000
"""What DuckDB may use in the process of the run; half of it in every task."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who folds, and in what pieces; the parameters of `batch.run.run_batch` of the same names."""

    app_path: str
    dask: str | None
    workers: int | None
    slice_records: int

    def start(self, app: App, base: Base | None, end: int) -> Starting:
        """Start the workers for what there will be to fold if the run goes on from `base`, in the background."""
        works = plan(app.views.values(), base)
        records = max((end - work.start for work in works), default=0)
        in_python = sum(_in_python(app.views[name]) for work in works for name in work.views)
        return Starting(self.dask, self.workers, Demand(records, in_python))

    def tasks(
        self, app: App, lake: Lake, works: Sequence[Work], end: int, workers: Workers, folder: Path
    ) -> Iterator[SliceTask]:
        """A task for every slice of every work that holds records of its stream.

        Parameters
        ----------
        end
            The cut of the run.
        folder
            The tables of tiles go into its folder ``tables``.
        """
        threads = (os.cpu_count() or 1) if isinstance(workers, OwnProcess) else 1
        tables = folder.resolve() / "tables"
        tables.mkdir()
        path, colon, name = self.app_path.partition(":")
        app_path = f"{Path(path).resolve()}{colon}{name}"  # a worker may stand in another folder
        files_by_place: dict[tuple[str, Slice], tuple[str, ...]] = {}
        for work in works:
            in_sql = not any(_in_python(app.views[name]) for name in work.views)
            records = self.slice_records * (SQL_SLICES if in_sql else 1)
            for part in slices(work.start, end, records, workers.count):
                place = (work.stream, part)
                if place not in files_by_place:
                    found = lake.files(work.stream, part.start, part.end)
                    files_by_place[place] = tuple(str(Path(path).resolve()) for path in found)
                if files := files_by_place[place]:
                    yield SliceTask(app_path, work.views, part, files, str(tables), threads, MEMORY_BYTES // 2)


def _in_python(view: View) -> bool:
    """Whether the fold of a view runs Python for every event or every tile."""
    return not view.vectorised or any(aggregate.fold_sql("v", "o") is None for aggregate in view.aggregates.values())
