"""A Dask cluster whose workers share no folder with anybody: other homes, other working folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SECONDS = 120.0


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process in a home and a working folder of its own.

    They are below the folder: ``worker-0/home``, ``worker-0/temporary`` and so on. What is in the environment now is in
    theirs.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    processes = [_start([*command, "--no-dashboard"], folder / "scheduler", environment)]
    try:
        address = _told(processes[0], folder / "scheduler", r"Scheduler at:\s+(tcp://\S+)")
        for number in range(2):
            home = folder / f"worker-{number}"
            options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
            place = ["--local-directory", str(home / "dask")]
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address, *options, *place]
            own = {**environment, "ANABRANCH_HOME": str(home / "home"), "TMPDIR": str(home / "temporary")}
            (home / "temporary").mkdir(parents=True)
            processes.append(_start(command, home, own))
        for number, process in enumerate(processes[1:]):
            _told(process, folder / f"worker-{number}", r"(Registered to)")
        yield address
    finally:
        for process in reversed(processes):
            process.kill()
        for process in processes:
            process.wait(60)


def _start(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(command, cwd=folder / "work", env=environment, stdout=output, stderr=output)


def _told(process: subprocess.Popen[bytes], folder: Path, pattern: str) -> str:
    """What a process says about itself."""
    deadline = time.monotonic() + _SECONDS
    while True:
        ended = process.poll() is not None
        output = (folder / "output").read_text()
        found = re.search(pattern, output)
        if found:
            return found[1]
        assert not ended, f"it ended without a word of {pattern!r}:\n{output}"
        assert time.monotonic() < deadline, output
        time.sleep(0.05)  # it tells nobody but its output
