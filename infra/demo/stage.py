"""Where a demonstration plays: a home of its own, a port, the command line, and the service."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from infra.children import Child
from infra.errors import UsageError
from infra.terminal import console

ROOT = Path(__file__).parents[2]
_MARK = ".anabranch-demo"
_LEASE_HELD = 75
"""The exit code of a batch run that found another one at work."""
_BATCH_SECONDS = 120


class Stage:
    """The stage of one demonstration.

    Parameters
    ----------
    home
        An empty folder; see `fresh_folder`.
    application
        The file of the example.
    port
        Where the service is to listen; see `free_port`.
    """

    def __init__(self, home: Path, application: Path, port: int):
        self.home = home
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        # nothing of the user's own settings: a demonstration must not touch their database
        own = {name: value for name, value in os.environ.items() if not name.upper().startswith("ANABRANCH_")}
        paths = os.pathsep.join(path for path in (str(ROOT), own.get("PYTHONPATH")) if path)
        self._environment = {
            **own,
            "ANABRANCH_HOME": str(home),
            "ANABRANCH_APP": str(application),
            "PYTHONPATH": paths,
        }

    def run(self, *words: str) -> None:
        """Run a command as a user would; raises `UsageError` if it fails."""
        console().print(f"$ anabranch {' '.join(_short(word) for word in words)}", style="cyan", markup=False)
        if (code := self.start(*words).wait()) != 0:
            raise UsageError(f"anabranch {words[0]} ended with exit code {code}")

    def run_batch(self) -> None:
        """Run the batch layer; a run that drift has started meanwhile is waited for."""
        deadline = time.monotonic() + _BATCH_SECONDS
        console().print("$ anabranch batch run", style="cyan")
        while (code := self.start("batch", "run").wait()) == _LEASE_HELD and time.monotonic() < deadline:
            time.sleep(0.5)
        if code != 0:
            raise UsageError(f"anabranch batch run ended with exit code {code}")

    def start(self, *words: str, quiet: bool = False) -> Child:
        """Start a command beside this process."""
        sink = DEVNULL if quiet else None
        return self._start(words, stdout=sink, stderr=sink)

    def _start(self, words: Sequence[str], **streams: Any) -> Child:
        command = [sys.executable, "-P", "-m", "infra.cli", *words]
        # in the home: a .env of the user's must not be read
        return Child(command, self._environment, cwd=self.home, **streams)

    @contextmanager
    def service(self) -> Iterator[Child]:
        """``anabranch up``, ended at the end."""
        console().print(f"$ anabranch up --port {self.port}", style="cyan")
        with (self.home / "service.log").open("wb") as log:
            process = self._start(("up", "--port", str(self.port)), stderr=log)
        try:
            yield process
        finally:
            process.end()


class BatchRuns:
    """The batch runs of a demonstration beside its traffic, one at a time."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self._run: Child | None = None

    @property
    def at_work(self) -> bool:
        """Whether a run is going on."""
        return self._run is not None and self._run.poll() is None

    def start(self) -> None:
        """Start a run when the one before has ended."""
        self.wait()
        self._run = self._stage.start("batch", "run", quiet=True)

    def wait(self) -> None:
        """Wait for the run at work, if there is one; raises `UsageError` if it failed."""
        if self._run is not None and self._run.wait() not in (0, _LEASE_HELD):
            raise UsageError(f"a batch run ended with exit code {self._run.returncode}; see anabranch batch list")
        self._run = None


def fresh_folder(folder: Path) -> Path:
    """An empty folder; one that an earlier demonstration left is removed, anything else is not touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise UsageError(f"{folder} is not empty and was not made by a demo; pass another --home")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def free_port(wanted: int) -> int:
    """The wanted port, or a free one if it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UsageError("no port is free")


def _short(word: str) -> str:
    """A path as its last part: the line is for reading."""
    return Path(word).name if os.sep in word else word
