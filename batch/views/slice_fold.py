"""The map of a batch run: one slice of the log, one table of tiles a view. This is what a Dask worker runs."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anabranch.load import load_app
from batch.duckdb_session import connect
from batch.plan import Slice
from batch.views import python_fold, sql_fold


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
    folder
        Where the tables of tiles go: a folder that all workers share.
    threads, memory_bytes
        What DuckDB may use.
    recorded
        What the registry remembers of fields that stored events lack, see `App.recorded`; None: nothing.
    """

    app: str
    views: tuple[str, ...]
    part: Slice
    files: tuple[str, ...]
    folder: str
    threads: int | None
    memory_bytes: int
    recorded: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class SliceDelta:
    """What came of a `SliceTask`.

    Attributes
    ----------
    paths, failures
        By view: the table of tiles, and how often a function of the user raised.
    newest
        The newest event time, in microseconds; None: there was no event.
    """

    part: Slice
    paths: dict[str, str]
    failures: dict[str, int]
    newest: int | None


def fold_slice(task: SliceTask) -> SliceDelta:
    """Fold one slice. Doing it twice does no harm: the files become visible whole, by a rename."""
    # millions of small objects come and go here, none in a cycle: looking for cycles took a third of the time
    gc.set_threshold(100_000, 50, 1_000)
    app = load_app(task.app).recall(task.recorded or {})
    views = [app.views[name] for name in task.views]
    paths = [Path(task.folder) / f"{view.name}-{task.part.start:020d}-{task.part.end:020d}.parquet" for view in views]
    # the same slice may be at work twice, when a worker is taken for dead
    unfinished = [path.with_suffix(f".{os.getpid()}.{id(task)}") for path in paths]
    with connect(task.threads, task.memory_bytes, Path(task.folder) / "spill") as connection:
        in_sql = len(views) == 1 and sql_fold.usable(views[0], task.files)
        if in_sql:
            failures, newest = [0], sql_fold.fold(connection, views[0], task.files, task.part, unfinished[0])
        else:
            failures, newest = python_fold.fold(connection, views, task.files, task.part, unfinished)
    for temporary, path in zip(unfinished, paths, strict=True):
        temporary.replace(path)  # whole at once: whichever of two workers is last, the same file stands there
    return SliceDelta(
        task.part,
        {view.name: str(path) for view, path in zip(views, paths, strict=True)},
        {view.name: count for view, count in zip(views, failures, strict=True)},
        newest,
    )
