"""Analytics inside ``up``: keeps ``HOME/analytics.duckdb`` fresh, and hands the SQL endpoint its snapshots.

A thread asks the snapshot writer, a process of its own (`infra.analytics.snapshot_writer`): when the file is about to
become older than it may, when a generation was published, and when somebody has a query. As long as nothing happens
nobody is asked: the thread only says that what there is is still true, and ends the writer after some minutes.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from anabranch.instant import iso
from eventlog.errors import LogUnavailableError
from eventlog.store.store import BLOBS, LAKE
from infra.composition import Process
from serving.sql.child_process import ChildEndedError, ChildProcess
from serving.sql.errors import SqlUnavailableError
from serving.sql.runner_pool import RunnerPool
from speed.reader import SpeedReader

logger = logging.getLogger(__name__)
FILE = "analytics.duckdb"
FIRST_SECONDS = 2.0
"""How long after the start the first snapshot is written, unless somebody asks before."""
IDLE_SECONDS = 300.0
"""How long nothing has to happen before the snapshot writer is ended."""
_POLL_SECONDS = 0.5
_RETRY_SECONDS = 5.0


class Analytics:
    """Where the SQL endpoint has its snapshots from; see `serving.sql.runner_pool.Source`.

    Parameters
    ----------
    process, speed
        Whose log, and how far that is folded.
    refresh_seconds
        How old the published file may become; infinite: it is not written, and who has a query is answered as ever.
    wait_seconds
        How long a query waits for its snapshot.
    idle_seconds
        See `IDLE_SECONDS`.
    """

    def __init__(
        self,
        process: Process,
        speed: SpeedReader,
        refresh_seconds: float,
        wait_seconds: float,
        idle_seconds: float = IDLE_SECONDS,
    ):
        self._process = process
        self._speed = speed
        self._refresh_seconds = refresh_seconds
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._closing = False
        self._wanted = self._served = 0
        self._newest: dict[str, Any] | None = None
        self._problem: str | None = None
        self._in_use: Counter[str] = Counter()
        self._writer: ChildProcess | None = None
        self._pulse: Any = None
        self._lost = False
        self._shown = False
        self._scored: tuple[str, dict[str, Any]] = ("", {})
        self._publication = speed.publication
        self._publishes = math.isfinite(refresh_seconds)
        self._due = time.monotonic() + (min(FIRST_SECONDS, refresh_seconds) if self._publishes else math.inf)
        self._moved = time.monotonic()
        self._took_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="analytics", daemon=True)

    @classmethod
    def of(cls, process: Process, speed: SpeedReader) -> Analytics:
        """As the settings of a process want it; it was not started."""
        settings = process.settings
        return cls(process, speed, settings.analytics_refresh_seconds, settings.sql_limits["seconds"])

    # life

    def __enter__(self) -> Analytics:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and the snapshot writer with it. The files stay."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            writer = self._writer
        if writer is not None:
            writer.end()  # what the thread waits for
        self._thread.join()
        self._let_go()

    # reading

    @property
    def is_idle(self) -> bool:
        """Whether there is no snapshot writer now."""
        return self._writer is None

    @contextmanager
    def reading(self) -> Iterator[Mapping[str, Any]]:
        """A snapshot of this moment; see `serving.sql.runner_pool.Source`."""
        with self._changed:
            self._wanted += 1
            mine = self._wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._served >= mine or self._closing, self._wait_seconds)
            if self._served < mine:
                raise SqlUnavailableError(f"Nothing could be prepared to be queried within {self._wait_seconds:g} s")
            if self._problem is not None or self._newest is None:
                raise SqlUnavailableError(f"What is to be queried cannot be prepared: {self._problem}")
            snapshot = self._newest
            self._in_use[snapshot["name"]] += 1
        try:
            yield snapshot
        except SqlUnavailableError:
            self._lost = True  # a file of it is gone: the next query has one that is taken anew, or is told why not
            raise
        finally:
            with self._changed:
                self._in_use[snapshot["name"]] -= 1

    # the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_called, min(_POLL_SECONDS, max(0.0, self._due - time.monotonic())))
                if self._closing:
                    return
                wanted = self._wanted
            publish = self._publishes and (time.monotonic() >= self._due or self._is_published())
            if publish or wanted > self._served:
                self._refresh(publish)
                with self._changed:
                    self._served = wanted
                    self._changed.notify_all()
            elif not self._publishes and time.monotonic() - self._moved > self._idle_seconds:
                self._let_go()  # where the file is written, each time that it is due tells

    def _is_called(self) -> bool:
        return self._closing or self._wanted > self._served

    def _is_published(self) -> bool:
        """Whether a generation was published since the file was."""
        return self._newest is not None and self._speed.publication != self._publication

    def _refresh(self, publish: bool) -> None:
        """Have a snapshot of this moment, and after `publish` also as the file."""
        begun = time.monotonic()
        try:
            self._publication = self._speed.publication
            self._take(publish)
            self._problem = None
        except (ChildEndedError, LogUnavailableError, OSError, _RefusedError) as error:
            if not self._closing:
                logger.warning("no snapshot for analysts: %s", error)
            self._problem, self._pulse = str(error), None
            self._due = time.monotonic() + _RETRY_SECONDS
            return
        if publish:  # so early that the next one is there when this one has become too old
            self._took_seconds = max(time.monotonic() - begun, self._took_seconds * 0.9)
            self._due = begun + max(self._refresh_seconds - 1.5 * self._took_seconds, self._refresh_seconds / 2)

    def _take(self, publish: bool) -> None:
        if self._lost:
            self._lost, self._pulse = False, None
            self._let_go()  # the writer believes that what it wrote is there
        taken = self._process.clock()
        pulse = self._pulse_now()
        if self._newest is not None and pulse == self._pulse and (self._shown or not publish):
            _say_fresh(Path(self._newest["fresh"]), taken)
            if time.monotonic() - self._moved > self._idle_seconds:
                self._let_go()
            return
        self._moved = time.monotonic()
        answer = self._ask(publish)
        if "error" in answer:
            raise _RefusedError(answer["error"])
        self._shown = publish or (self._shown and self._newest == answer["snapshot"])
        self._newest, self._pulse = answer["snapshot"], pulse

    def _ask(self, publish: bool) -> dict[str, Any]:
        with self._changed:
            if self._closing:
                raise _RefusedError("the service ends")
            if self._writer is None:
                process = self._process
                settings = process.settings
                command = [
                    sys.executable,
                    "-P",
                    "-m",
                    "infra.analytics.snapshot_writer",
                    settings.app_reference,
                    str(process.home),
                ]
                self._writer = ChildProcess([*command, settings.log_format])
            writer = self._writer
            in_use = [name for name, count in self._in_use.items() if count]
            self._in_use = Counter({name: self._in_use[name] for name in in_use})
            if self._newest is not None:
                in_use.append(self._newest["name"])  # somebody may be about to read it
        scored, told = self._reports()
        message = {
            "publish": str(self._process.home / FILE) if publish else None,
            "in_use": in_use,
            "scored": scored,
            "reports": told,
        }
        try:
            return writer.ask(message, None)[0]
        except ChildEndedError:
            self._let_go()
            raise

    def _reports(self) -> tuple[str, dict[str, Any]]:
        """The cut, and how the models do there."""
        if not self._process.app.models:
            return "0:0", {}
        if self._scored[0] != str(self._speed.cut):
            cut, told = self._speed.reports()
            self._scored = str(cut), told
        return self._scored

    def _pulse_now(self) -> Any:
        """What differs whenever there is anything new."""
        process = self._process
        letters = process.dead_letters
        rejected = [letters.totals(name) for name in process.app.streams]
        folded = self._speed.cut if process.app.models else None  # scores are those of what was folded
        return (process.log.end(), folded, self._speed.publication, process.runs.list(1), rejected)

    def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.end()
            self._writer = None


def runner_pool_of(process: Process, analytics: Analytics) -> RunnerPool:
    """What runs statements on the snapshots of a process."""
    stored = [process.store.path(name) for name in (LAKE, BLOBS)]  # of a bucket, the cache has what is read
    folders = [process.home / "analytics", *(path or process.blobs.cache for path in stored)]
    settings = process.settings
    return RunnerPool(analytics, settings.sql_limits, folders, process.home / "scratch", settings.log_format)


class _RefusedError(Exception):
    """The writer could not write a snapshot; the message says why."""


def _say_fresh(path: Path, time_us: int) -> None:
    """As `serving.sql.snapshots.snapshots` does, which needs DuckDB: say that nothing newer is known at this time."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(orjson.dumps({"as_of": iso(time_us)}))
    beside.replace(path)
