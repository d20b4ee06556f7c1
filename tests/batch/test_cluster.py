"""Slices in this process and on Dask: processes, an existing cluster, and a worker that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch import cluster
from batch.cluster import DaskWorkers, OwnProcess, StartingWorkers, Workers, WorkEstimate
from batch.exchange import Exchange
from batch.plan import Slice, slices
from batch.views.fold_all import fold_all
from batch.views.slice_fold import SliceTask, fold_slice
from eventlog.store.address import StoreAddress
from tests.batch.conftest import APPLICATION, Home
from tests.batch.rides import rides
from tests.batch.views.test_roads import assert_same, folded
from tests.processes import ends

NOWHERE = Exchange(StoreAddress("", ""), "", "")


@pytest.fixture
def posted(home: Home) -> Home:
    home.post("rides", rides(300))
    return home


def test_the_workers_suit_the_work() -> None:
    assert isinstance(cluster.start(None, None, WorkEstimate(1000, 5)), OwnProcess)
    in_sql = cluster.start(None, 3, WorkEstimate(10**9, 0))
    assert isinstance(in_sql, OwnProcess)
    assert in_sql.task_threads == 3
    workers = cluster.start(None, 2, WorkEstimate(10**6, 1))
    assert isinstance(workers, DaskWorkers)
    assert workers.count == 2
    workers.close()


@pytest.mark.parametrize(
    ("usable", "records", "count"),
    [
        (64, cluster.WORTH_PROCESSES - 1, 1),
        (64, cluster.WORTH_PROCESSES, 2),
        (64, 5 * cluster.WORTH_PROCESSES, 6),
        (3, 10**9, 3),
    ],
)
def test_there_are_as_many_processes_as_there_is_work_and_room_for(usable: int, records: int, count: int) -> None:
    assert WorkEstimate(records, python_views=1).processes(usable) == count


def test_a_model_counts_as_several_views() -> None:
    assert (
        WorkEstimate(100, python_views=2, models=3).work
        == WorkEstimate(100, python_views=2 + 3 * cluster.VIEWS_PER_MODEL).work
    )


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps nobody to a processor")
def test_only_processors_that_may_be_used_count() -> None:
    script = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from batch import cluster"
    command = [sys.executable, "-c", f"{script}; print(cluster.processors(), cluster.OwnProcess().threads(1))"]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.split() == ["1", "1"]


def test_a_failure_to_start_is_raised_to_who_waits() -> None:
    starting = StartingWorkers("nonsense://nowhere", None, WorkEstimate(0, 0))
    with pytest.raises(Exception, match="nonsense"):
        starting.wait()
    starting.close()


def test_processes_fold_what_this_process_folds(posted: Home) -> None:
    posted.run()
    here = fold_on(posted, OwnProcess())
    processes = DaskWorkers.local(2)
    assert fold_on(posted, processes) == here
    processes.close()


def fold_on(home: Home, workers: Workers) -> dict[Slice, list[Any]]:
    """The rows of the table of tiles that each slice folds to."""
    files = tuple(home.lake.held("rides", 0, 300))
    place = Exchange.of(home.lake.blobs, type(workers).__name__, home.path)
    parts = list(slices(0, 300, 60))
    tasks = [SliceTask(APPLICATION, ("in_python",), part, files, place, 1, 300_000_000) for part in parts]
    deltas = (delta.located(place, home.path / "tables") for delta in fold_all(workers, tasks))
    found = {delta.part: pq.read_table(delta.paths["in_python"]).to_pylist() for delta in deltas}
    assert sorted(found) == parts
    return found


def test_an_existing_cluster_survives_the_run_and_a_worker_may_die(posted: Home) -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as existing:
        with Client(existing) as client:
            victim = next(iter(client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
        posted.run(dask=existing.scheduler_address, slice_records=40)
        posted.post("rides", rides(100, seed=1))
        posted.run(dask=existing.scheduler_address, slice_records=40)
    served = posted.served(2)
    for view in posted.app.views.values():
        assert_same(served[view.name], folded(posted, view))


def test_the_environment_is_afterwards_what_it_was() -> None:
    before = dict(os.environ)
    DaskWorkers.local(1).close()
    assert dict(os.environ) == before


def test_what_a_task_raises_is_raised() -> None:
    parts = slices(0, 30, 10)
    tasks = [SliceTask(APPLICATION, ("no_view",), part, (), NOWHERE, 1, 1) for part in parts]
    with pytest.raises(KeyError, match="no_view"):
        list(OwnProcess().run(fold_slice, tasks))


_WITH_WORKERS = """
import os, signal
from batch.cluster import DaskWorkers
workers = DaskWorkers.local(2)
print(*workers.client.run(os.getpid).values(), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_workers_end_with_the_process_that_started_them(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", _WITH_WORKERS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        workers = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(number)
        process.wait()
        assert len(workers) == 2
        assert all(ends(pid, 30) for pid in workers)
