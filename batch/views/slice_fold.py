"""The map of a batch run: one slice of the log, one table of tiles a view. This is what a Dask worker runs."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from anabranch.load import load_app
from batch.duckdb_session import connect
from batch.exchange import Exchange
from batch.plan import Slice
from batch.views import python_fold, sql_fold
from eventlog.store.blobs import Blob


@dataclass(frozen=True, slots=True)
class SliceTask:
    """Everything a worker needs to know.

    Attributes
    ----------
    app
        Where the application is, for `load_app`.
    views
        Views of one stream.
    part
        The slice.
    files
        The Parquet files of the lake that hold it.
    exchange
        Where they are, and the tables of tiles go.
    threads, memory_bytes
        What DuckDB may use.
    recorded
        What the registry remembers of fields that stored events lack, see `App.recorded`; None: nothing.
    """

    app: str
    views: tuple[str, ...]
    part: Slice
    files: tuple[Blob, ...]
    exchange: Exchange
    threads: int | None
    memory_bytes: int
    recorded: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class SliceDelta:
    """What came of a `SliceTask`.

    Attributes
    ----------
    tables, failures
        By view: the table of tiles, and how often a function of the user raised.
    newest
        The newest event time, in microseconds; None: there was no event.
    paths
        By view: where the table of tiles is on this machine, once it is `located`.
    """

    part: Slice
    tables: dict[str, Blob]
    failures: dict[str, int]
    newest: int | None
    paths: dict[str, str] = field(default_factory=dict)

    def located(self, exchange: Exchange, into: Path) -> SliceDelta:
        """The same with its tables on this machine, in a folder if they lie elsewhere."""
        paths = exchange.files([*self.tables.values()], into)
        return replace(self, paths=dict(zip(self.tables, paths, strict=True)))


def fold_slice(task: SliceTask) -> SliceDelta:
    """Fold one slice. Doing it twice does no harm: each hands on tables of its own, and they are the same."""
    # millions of small objects come and go here, none in a cycle: looking for cycles took a third of the time
    gc.set_threshold(100_000, 50, 1_000)
    app = load_app(task.app).recall(task.recorded or {})
    views = [app.views[name] for name in task.views]
    with (
        task.exchange.workplace() as workplace,
        connect(task.threads, task.memory_bytes, workplace / "spill") as connection,
    ):
        files = task.exchange.files(task.files, workplace / "lake")
        paths = [workplace / f"{view.name}.parquet" for view in views]
        in_sql = len(views) == 1 and sql_fold.usable(views[0], files)
        if in_sql:
            failures, newest = [0], sql_fold.fold(connection, views[0], files, task.part, paths[0])
        else:
            failures, newest = python_fold.fold(connection, views, files, task.part, paths)
        names = [f"tables/{view.name}-{task.part.start:020d}-{task.part.end:020d}" for view in views]
        tables = [task.exchange.put(path, name) for path, name in zip(paths, names, strict=True)]
    return SliceDelta(
        task.part,
        {view.name: table for view, table in zip(views, tables, strict=True)},
        {view.name: count for view, count in zip(views, failures, strict=True)},
        newest,
    )
