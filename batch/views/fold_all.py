"""The fold of all slices, of which one may be too much for a worker's memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from batch.cluster import Workers
from batch.errors import ViewTooWideError
from batch.plan import Slice
from batch.views.slice_fold import SliceDelta, SliceTask, fold_slice

LEAST_RECORDS = 1_000
"""A slice of so many records is not cut further: what it makes too large is in single events."""
_OUT_OF_MEMORY = ("MemoryError", "ArrowMemoryError", "OutOfMemoryException", "KilledWorker")
"""What Python, Arrow, DuckDB and Dask raise; by name, since this module loads none of them. A task of a killed worker
has died with four processes, nearly always by the operating system's hand, for memory."""


def fold_all(workers: Workers, tasks: Iterable[SliceTask]) -> Iterator[SliceDelta]:
    """Fold slices; one that is too much for the memory, as of a view whose states are wide, is folded in pieces.

    A view is a monoid, so that any pieces merge to the same tiles. Views that were folded together are tried apart
    first: the others must not suffer from one.

    Raises
    ------
    ViewTooWideError
        If a piece cannot be made smaller. The run fails: a generation without the view would have no place for the
        events of it that the cut covers, and the epochs that hold them would be dropped.
    Exception
        Whatever else a fold raised.
    """
    waiting = list(tasks)
    while waiting:
        smaller: list[SliceTask] = []
        for task, outcome in workers.outcomes(fold_slice, waiting):
            if isinstance(outcome, SliceDelta):
                yield outcome
            elif is_out_of_memory(outcome):
                smaller += pieces(task, outcome)
            else:
                raise outcome
        waiting = smaller


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not memory enough."""
    return any(kind.__name__ in _OUT_OF_MEMORY for kind in type(error).__mro__)


def pieces(task: SliceTask, error: BaseException) -> list[SliceTask]:
    """The parts of a task that was too much; raises `ViewTooWideError` if it has none."""
    if len(task.views) > 1:
        return [replace(task, views=(name,)) for name in task.views]
    start, end = task.part.start, task.part.end
    if end - start <= LEAST_RECORDS:
        raise ViewTooWideError(task.views[0], f"records {start} to {end} of the log", error) from error
    middle = (start + end) // 2
    halves = [half.leaving_out(task.part.without) for half in (Slice(start, middle), Slice(middle, end))]
    return [replace(task, part=part) for part in halves]
