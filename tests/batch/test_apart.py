"""Workers that share no folder with the run but the store: other homes, other working folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch.run import Outcome
from eventlog.lake import Lake
from eventlog.store.blobs import Blobs
from eventlog.store.opening import open_store
from tests.batch.conftest import APPLICATION, Home
from tests.batch.rides import rides
from tests.batch.views.test_roads import assert_same, folded

ROOT = Path(__file__).parents[2]


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process in a home and a working folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    processes = [start([*command, "--no-dashboard"], folder / "scheduler", environment)]
    try:
        address = told(processes[0], r"Scheduler at:\s+(tcp://\S+)")
        for number in range(2):
            home = folder / f"worker-{number}"
            options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
            place = ["--local-directory", str(home / "dask")]
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address, *options, *place]
            own = {**environment, "ANABRANCH_HOME": str(home / "home"), "TMPDIR": str(home / "temporary")}
            (home / "temporary").mkdir(parents=True)
            processes.append(start(command, home, own))
        for process in processes[1:]:
            told(process, r"(Registered to)")
        yield address
    finally:
        for process in reversed(processes):
            process.kill()
        for process in processes:
            process.communicate(timeout=60)


def start(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        command, cwd=folder / "work", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def told(process: subprocess.Popen[str], pattern: str) -> str:
    """What a process says about itself."""
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(f"it ended without a word of {pattern!r}")


class Elsewhere(Home):
    """A home whose store lies elsewhere."""

    store = ""

    @property
    def blobs(self) -> Blobs:
        return Blobs(open_store(self.store), self.path / "cache")

    def run(self, **options: Any) -> Outcome:
        self.lake = Lake(self.blobs, lambda: self.log.id)
        return super().run(**options)


@pytest.fixture(params=["folder", "bucket"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Elsewhere]:
    """A home whose store is a folder, or a bucket."""
    (tmp_path / "home").mkdir()
    home = Elsewhere(tmp_path / "home", APPLICATION)
    home.store = str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
    yield home
    home.close()


def test_they_fold_what_this_process_folds_and_leave_nothing_in_the_store(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere.post("rides", rides(300))
    with cluster(tmp_path / "cluster") as address:
        elsewhere.run(dask=address, slice_records=40)
        elsewhere.post("rides", rides(100, seed=1))
        elsewhere.run(dask=address, slice_records=40)
    served = elsewhere.served(2)
    for view in elsewhere.app.views.values():
        assert_same(served[view.name], folded(elsewhere, view))
    assert list(elsewhere.blobs.store.list("runs")) == []
    assert {path.name for path in elsewhere.path.iterdir()} <= {"batch", "cache", "log.db", "log.db-shm", "log.db-wal"}
    for number in range(2):
        assert list((tmp_path / "cluster" / f"worker-{number}" / "temporary").glob("anabranch-*")) == []
