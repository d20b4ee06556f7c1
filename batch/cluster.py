"""Who folds the slices: this process, a Dask cluster of this machine, or one that is there already.

The only address of Dask. It is imported when a cluster is wanted, since that takes a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any, Protocol

from batch.slice_fold import SliceDelta, SliceTask, fold_slice


class Workers(Protocol):
    """Somebody who folds slices."""

    @property
    def count(self) -> int:
        """How many slices are folded at a time."""
        ...

    def fold(self, tasks: Sequence[SliceTask]) -> Iterator[SliceDelta]:
        """What came of the tasks, in the order in which they are done. Raises what a task raised."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class OwnProcess:
    """Folds one slice after the other, here: for work that is not worth a cluster."""

    count = 1

    def fold(self, tasks: Sequence[SliceTask]) -> Iterator[SliceDelta]:
        """Fold them as they are asked for."""
        return map(fold_slice, tasks)

    def close(self) -> None:
        """Nothing is open."""


class DaskWorkers:
    """Folds slices on a Dask cluster.

    A worker that dies is not the end: Dask has its slices folded again by another, up to three times (its setting
    ``distributed.scheduler.allowed-failures``).

    Parameters
    ----------
    client
        A ``distributed.Client``.
    cluster
        A cluster to close in the end; None: it was there before.
    """

    def __init__(self, client: Any, cluster: Any = None):
        self._client = client
        self._cluster = cluster

    @classmethod
    def at(cls, address: str) -> DaskWorkers:
        """The cluster whose scheduler listens at ``tcp://host:port``.

        Its workers must have this program installed, and see the application and the home under the same paths.
        """
        from distributed import Client

        return cls(Client(address, timeout="30s", set_as_default=False))

    @classmethod
    def local(cls, count: int, *, processes: bool) -> DaskWorkers:
        """A cluster of this machine.

        Parameters
        ----------
        processes
            Whether the workers are processes, which Python code needs to run in parallel, or threads, which are
            there at once and do for SQL.
        """
        from distributed import Client, LocalCluster

        cluster = LocalCluster(
            n_workers=count if processes else 1,
            threads_per_worker=1 if processes else count,
            processes=processes,
            dashboard_address=None,
            silence_logs="CRITICAL",  # what a task raises is raised here again
            memory_limit=0,  # a slice bounds the memory, and DuckDB spills
        )
        return cls(Client(cluster, set_as_default=False), cluster)

    @property
    def count(self) -> int:
        """The threads of all workers."""
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads)

    def fold(self, tasks: Sequence[SliceTask]) -> Iterator[SliceDelta]:
        """Fold them on the cluster."""
        from distributed import as_completed

        futures = [self._client.submit(fold_slice, task, pure=False) for task in tasks]
        try:
            for future in as_completed(futures, loop=self._client.loop):
                yield future.result()
        finally:
            self._client.cancel(futures)

    def close(self) -> None:
        """Leave the cluster, and close it if it is ours."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


@dataclass(frozen=True, slots=True)
class Demand:
    """How much work there will be, as far as it can be told before the run begins.

    Attributes
    ----------
    records
        Records to fold.
    python_views
        How many views need Python for every event.
    """

    records: int
    python_views: int


WORTH_A_CLUSTER = 300_000
"""Records below which one process is done before a cluster has started."""
WORTH_PROCESSES = 400_000
"""Records times views in Python below which threads do: two processes take more than a second to start."""


def start(dask: str | None, count: int | None, demand: Demand) -> Workers:
    """The workers that suit the work.

    Parameters
    ----------
    dask
        The address of an existing cluster; None: this machine.
    count
        How many workers on this machine; None: as many as it has processors.
    """
    if dask is not None:
        return DaskWorkers.at(dask)
    if demand.records < WORTH_A_CLUSTER:
        return OwnProcess()
    count = count or os.cpu_count() or 1
    return DaskWorkers.local(count, processes=demand.records * demand.python_views >= WORTH_PROCESSES)


class Starting:
    """Workers that start in the background."""

    def __init__(self, dask: str | None, count: int | None, demand: Demand):
        self._workers: Workers | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._start, args=(dask, count, demand), name="start-workers", daemon=True)
        self._thread.start()

    def wait(self) -> Workers:
        """The workers, once they are there; raises what kept them from starting."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._workers is not None
        return self._workers

    def close(self) -> None:
        """Close them, once they are there."""
        self._thread.join()
        if self._workers is not None:
            self._workers.close()

    def _start(self, dask: str | None, count: int | None, demand: Demand) -> None:
        try:
            self._workers = start(dask, count, demand)
        except BaseException as error:  # handed to the thread that waits
            self._error = error
