"""A batch run that stops itself at one point, as a suspended machine stops it anywhere: with SIGSTOP, by its own hand.

``python -m tests.recovery.pausing_run APP HOME POINT AHEAD_SECONDS``, where POINT is a stage, or ``manifest``,
``marker``, ``marked``, ``removal`` or ``nowhere``; its clock is that much ahead. What it runs on is what the command
runs on; where it stops is told by what it is handed: the store, the log, who shows the progress.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anabranch.errors import AnabranchError
from batch.run import run_batch
from batch.run_progress import NoProgress
from eventlog.clock import now_us
from eventlog.lake import Lake
from eventlog.store.blobs import Blobs
from eventlog.store.store import BLOBS, GENERATIONS
from infra.composition import opened
from infra.settings import Settings


class Pause:
    """Stops this process, all of its threads, the first time that it comes to a point."""

    def __init__(self, point: str):
        self._point = point

    def at(self, point: str) -> None:
        if point == self._point:
            self._point = ""
            os.kill(os.getpid(), signal.SIGSTOP)


class Stages(NoProgress):
    def __init__(self, pause: Pause):
        self._pause = pause

    def stage(self, name: str, total: int) -> None:
        self._pause.at(name)


class PausingStore:
    """A store; see `eventlog.store.Store`."""

    def __init__(self, store: Any, pause: Pause):
        self._store = store
        self._pause = pause

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        created: bool = self._store.create(name, content, durable=durable)
        if name.startswith(f"{GENERATIONS}/"):
            self._pause.at("manifest")
        return created

    def remove(self, names: Iterable[str]) -> None:
        found = list(names)
        if any(name.startswith(f"{BLOBS}/") for name in found):
            self._pause.at("removal")
        self._store.remove(found)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class PausingLog:
    """A log; see `eventlog.log.Log`."""

    def __init__(self, log: Any, pause: Pause):
        self._log = log
        self._pause = pause

    def mark(self, event: dict[str, Any], *parts: Any) -> int:
        if event["kind"] != "batch_published":
            offset: int = self._log.mark(event, *parts)
            return offset
        self._pause.at("marker")
        offset = self._log.mark(event, *parts)
        self._pause.at("marked")
        return offset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def main(app: str, home: str, point: str, ahead_seconds: str) -> int:
    """Run it; the exit codes are those of ``anabranch batch run``."""
    ahead_us = round(float(ahead_seconds) * 1e6)
    pause = Pause(point)
    settings = Settings.load(app=app, home=Path(home))
    with opened(settings, lambda: now_us() + ahead_us) as process:
        log: Any = PausingLog(process.log, pause)
        store: Any = PausingStore(process.store, pause)
        lake = Lake(Blobs(store, process.home / "cache", settings.cache_bytes), lambda: process.log.id)
        parts = (app, process.home, log, process.leases, process.runs, lake)
        try:
            outcome = run_batch(*parts, replicas=process.replicas, progress=Stages(pause), clock=process.clock)
        except AnabranchError as error:
            print(f"anabranch: {error}", file=sys.stderr)
            return 1
        print(f"published generation {outcome.generation}")
        return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
