"""Who does the work of a run: this process, Dask on this machine, or a Dask cluster that is there already.

The only address of Dask. It is imported when it is wanted, since that takes most of a second.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
_LOOPBACK = "127.0.0.1"
_LOCAL_CONFIG = {
    # a process that is spawned would look for Python's own modules in the working directory first
    "distributed.nanny.pre-spawn-environ.PYTHONSAFEPATH": "1",
    # their HTTP servers cannot be left out, but have nothing to say: no dashboard, no state, no metrics
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class Workers(ABC):
    """Somebody who does tasks."""

    count: int
    """How many tasks are done at a time."""
    is_local: bool = True
    """Whether they are processes of this machine, and of this run."""
    task_threads: int | None = 1
    """How many threads DuckDB may use in each; None: as many as it finds processors."""

    @abstractmethod
    def outcomes(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """What came of each task, in the order in which they are done: its result, or what it died of.

        That is what it raised, or the death of the processes that it was tried on. The other tasks go on.
        """

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """The results of the tasks, in the order in which they are done. Raises what the first one died of."""
        for _, outcome in self.outcomes(function, tasks):
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome

    def threads(self, tasks: int) -> int:
        """How many threads each of so many tasks may use, for libraries with threads of their own."""
        return max(1, processors() // max(1, min(tasks, self.count)))

    def close(self) -> None:
        """Let go of everything."""
        return


class OwnProcess(Workers):
    """Does one task after the other, here: DuckDB keeps all processors busy with a single one.

    Parameters
    ----------
    task_threads
        See `Workers`.
    """

    count = 1

    def __init__(self, task_threads: int | None = None):
        self.task_threads = task_threads

    def outcomes(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Do them as they are asked for."""
        for task in tasks:
            outcome: Result | Exception
            try:
                outcome = function(task)
            except Exception as error:
                outcome = error
            yield task, outcome


class DaskWorkers(Workers):
    """Does tasks on a Dask cluster.

    A worker that dies is not the end: Dask has its tasks done again by another, up to three times (its setting
    ``distributed.scheduler.allowed-failures``).

    Parameters
    ----------
    client
        A ``distributed.Client``.
    cluster
        A cluster to close in the end; None: it was there before.
    environment
        This process's environment as it shall be again when the cluster is closed.
    """

    def __init__(self, client: Any, cluster: Any = None, environment: Mapping[str, str] | None = None):
        self.client = client
        self._environment = environment
        self.count = max(1, sum(client.nthreads().values()))
        self._cluster = cluster
        self.is_local = cluster is not None

    @classmethod
    def at(cls, address: str) -> DaskWorkers:
        """The cluster whose scheduler listens at ``tcp://host:port``.

        Its workers must have this program installed, see the application under the same path, and reach the store: a
        bucket, or a folder under the same path. For a ``tls://`` one, Dask's own configuration says where the
        certificates are.
        """
        from distributed import Client

        return cls(Client(address, timeout="30s", set_as_default=False))

    @classmethod
    def local(cls, count: int, scratch: Path | None = None) -> DaskWorkers:
        """A cluster of `count` processes of this machine, which Python code needs to run in parallel.

        Whoever speaks to a scheduler or a worker may run code there. So they listen on loopback, and take only
        connections that prove themselves with the key that is made for this cluster, and lies in memory alone.

        Parameters
        ----------
        scratch
            A folder of the owner's for what workers write down, of which each looks for Python's modules in its part.
            None: that of the system for such, where another user may have made Dask's before.
        """
        import dask.config
        from distributed import Client, LocalCluster
        from distributed.security import Security

        # What Dask sets for its workers it sets in this process, and leaves there: programs that are started after
        # the run, of the user's training function too, would inherit it.
        environment = dict(os.environ)
        place = None if scratch is None else str(scratch)
        with dask.config.set({**_LOCAL_CONFIG, "temporary-directory": place}):
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                host=_LOOPBACK,
                security=Security.temporary(),
                # without an address it would claim port 8787, and two runs at once would quarrel over it
                scheduler_kwargs={"dashboard": False, "dashboard_address": f"{_LOOPBACK}:0"},
                silence_logs="CRITICAL",  # what a task raises is raised here again
                memory_limit=0,  # a slice bounds the memory, and DuckDB spills
                local_directory=place,
            )
        return cls(Client(cluster, set_as_default=False), cluster, environment)

    def outcomes(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Do them on the cluster.

        When a worker dies, Dask blames all tasks that it had. So tasks that are given up for it are done once more,
        each alone: then it is known which of them it was.
        """
        from distributed import KilledWorker

        blamed: list[Task] = []
        for task, outcome in self._outcomes(function, tasks):
            if isinstance(outcome, KilledWorker) and len(tasks) > 1:
                blamed.append(task)
            else:
                yield task, outcome
        for task in blamed:
            yield from self._outcomes(function, [task])

    def _outcomes(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Do them all at once."""
        from distributed import as_completed

        task_by_future = {self.client.submit(function, task, pure=False): task for task in tasks}
        try:
            for future in as_completed(list(task_by_future), loop=self.client.loop):
                try:
                    outcome = future.result()
                except Exception as error:
                    outcome = error
                yield task_by_future[future], outcome
        finally:
            self.client.cancel(list(task_by_future))

    def threads(self, tasks: int) -> int:
        """As many as a worker has; on this machine, as many as there are to share."""
        if self.is_local:
            return super().threads(tasks)
        return int(min(self.client.nthreads().values(), default=1))

    def close(self) -> None:
        """Leave the cluster, and close it if it is ours."""
        self.client.close()
        if self._cluster is not None:
            self._cluster.close()
        if self._environment is not None:
            for name in os.environ.keys() - self._environment.keys():
                del os.environ[name]
            os.environ.update(self._environment)


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """How much work there will be, as far as it can be told before the run begins.

    Attributes
    ----------
    records
        Records to fold.
    python_views
        How many views need Python for every event.
    models
        How many models need rows of the records.
    """

    records: int
    python_views: int
    models: int = 0

    @property
    def work(self) -> int:
        """Records times views in Python."""
        return self.records * (self.python_views + VIEWS_PER_MODEL * self.models)

    def processes(self, usable: int) -> int:
        """How many processes suit the work where so many processors may be used; one: this one does it all."""
        return 1 if self.work < WORTH_PROCESSES else min(usable, 1 + self.work // WORTH_PROCESSES)


VIEWS_PER_MODEL = 5
"""How many views in Python take as long as the replay of a model."""
WORTH_PROCESSES = 400_000
"""Records times views in Python below which this process does it all: others take more than a second to start."""


def processors() -> int:
    """How many processors this process may use: fewer than there are, in a container that is given a share of them."""
    from dask.system import cpu_count

    return int(cpu_count())


def start(dask: str | None, count: int | None, estimate: WorkEstimate, scratch: Path | None = None) -> Workers:
    """The workers that suit the work.

    Parameters
    ----------
    dask
        The address of an existing cluster; None: this machine.
    count
        How many workers on this machine; None: as many as there are processors for it, and work to start them for.
    scratch
        See `DaskWorkers.local`.
    """
    if dask is not None:
        return DaskWorkers.at(dask)
    if estimate.work < WORTH_PROCESSES:
        return OwnProcess(count)
    return DaskWorkers.local(count or estimate.processes(processors()), scratch)


class StartingWorkers:
    """Workers that start in the background; parameters as of `start`."""

    def __init__(self, dask: str | None, count: int | None, estimate: WorkEstimate, scratch: Path | None = None):
        self._workers: Workers | None = None
        self._error: BaseException | None = None
        self._thread = Thread(
            target=self._start, args=(dask, count, estimate, scratch), name="start-workers", daemon=True
        )
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

    def _start(self, dask: str | None, count: int | None, estimate: WorkEstimate, scratch: Path | None) -> None:
        try:
            self._workers = start(dask, count, estimate, scratch)
        except BaseException as error:  # handed to the thread that waits
            self._error = error
