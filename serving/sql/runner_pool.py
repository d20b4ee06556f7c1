"""The pool of query runners: hands queries to processes that run them, on a snapshot that has seen all up to now.

It is all that the service itself has of SQL: threads that wait for other processes.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from serving.sql.child_process import ChildEndedError, ChildProcess
from serving.sql.errors import SqlBusyError, SqlTooLargeError, SqlTooLongError, SqlUnavailableError, error_of
from serving.sql.sandbox import landlock

logger = logging.getLogger(__name__)
RUNNING_MOST = 2
WAITING_MOST = 8
_GRACE_SECONDS = 2.0
"""How long after its time a runner may take to stop a statement, before it is killed."""
_START_SECONDS = 60.0
"""How long a runner may take to start, on a machine that is busy; no statement's time."""
_SPARING = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Runners multiply no matrices, and let go of memory: a thread for every core and Arrow's pool take 40 MB each."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a statement with its parameters, and the form of the result."""

    sql: str
    parameters: Sequence[Any] | Mapping[str, Any]
    format: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as bytes.

    Attributes
    ----------
    rows, truncated
        How many rows it has, and whether there were more.
    facts
        ``generation``, ``batch_cut`` and ``speed_cut`` of the snapshot, and ``lag_seconds``: it has seen all that was
        acknowledged so long before the statement began.
    """

    body: bytes
    rows: int
    truncated: bool
    facts: Mapping[str, Any]


class Source(Protocol):
    """Where snapshots come from. `infra.analytics.analytics` has another process write them; tests have one at hand.

    Asked once for every statement, from the thread that serves it. After a crash snapshots are written anew.
    """

    def reading(self) -> AbstractContextManager[Mapping[str, Any]]:
        """A snapshot that has seen everything up to this moment, as plain data of `snapshots.Snapshot`.

        Its files stay as long as it is read. Raises `SqlUnavailableError` if there is none.
        """
        ...


class RunnerPool:
    """Takes queries, and has a few run at a time. Safe to use from many threads.

    Parameters
    ----------
    source
        Where snapshots come from.
    limits
        As `sandbox.StatementLimits` has them.
    readable
        The folders that everything which queries read is in.
    scratch
        Where queries spill to: a folder of this pool alone. It is removed when the pool is made, since a service that
        was killed leaves it.
    log_format
        How the processes that run queries log; see `serving.http.log_lines`.
    """

    def __init__(
        self,
        source: Source,
        limits: Mapping[str, Any],
        readable: Sequence[Path],
        scratch: Path,
        log_format: str = "text",
    ):
        self._source = source
        self._limits = dict(limits)
        self._seconds: float = limits["seconds"]
        self._readable = readable
        self._log_format = log_format
        self._scratch = scratch
        self._runners: list[RunnerProcess] = []
        self._busy: set[RunnerProcess] = set()
        self._lock = threading.Lock()
        self._outstanding = 0
        self._closed = False
        self._threads = ThreadPoolExecutor(RUNNING_MOST, "sql")
        shutil.rmtree(scratch, ignore_errors=True)
        if (lacking := landlock.lacking()) is not None:
            logger.warning(
                "for SQL statements the kernel cannot wall off %s; docs/security.md says what remains", lacking
            )

    def submit(self, query: Query) -> Future[Answer]:
        """Queue a query. The future raises `errors.SqlError`.

        Raises
        ------
        SqlBusyError
            If too many wait already.
        """
        with self._lock:
            if self._outstanding >= RUNNING_MOST + WAITING_MOST:
                raise SqlBusyError(RUNNING_MOST, WAITING_MOST)
            self._outstanding += 1
        try:
            future = self._threads.submit(self._answer, query)
        except RuntimeError:  # it was closed
            with self._lock:
                self._outstanding -= 1
            raise SqlBusyError(0, 0) from None
        future.add_done_callback(self._done)
        return future

    def close(self) -> None:
        """End what runs, and let go of everything."""
        with self._lock:
            self._closed = True
            ending = [*self._runners, *self._busy]
        for runner in ending:
            runner.end()
        self._threads.shutdown(cancel_futures=True)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _done(self, future: Future[Answer]) -> None:
        with self._lock:
            self._outstanding -= 1

    def _answer(self, query: Query) -> Answer:
        begun = time.monotonic()
        with self._source.reading() as snapshot:
            facts = {name: snapshot[name] for name in ("generation", "batch_cut")}
            facts |= {"speed_cut": snapshot["cut"], "lag_seconds": round(time.monotonic() - begun, 6)}
            return self._run(query, snapshot, facts)

    def _run(self, query: Query, snapshot: Mapping[str, Any], facts: Mapping[str, Any]) -> Answer:
        message = {
            "snapshot": {name: snapshot[name] for name in ("name", "path", "files")},
            "sql": query.sql,
            "parameters": query.parameters,
            "format": query.format,
            "facts": facts,
        }
        with self._runner() as runner:
            try:
                head, body = runner.ask(message, self._seconds + _GRACE_SECONDS)
            except ChildEndedError as ended:
                if ended.late:
                    raise SqlTooLongError(self._seconds) from None
                raise SqlTooLargeError(
                    "The query ended the process that ran it; most likely it needed more memory than it may have"
                ) from None
            if head["spent"]:
                runner.end()
            if "error" in head:
                raise error_of(head["error"])
        return Answer(body, head["rows"], head["truncated"], facts)

    @contextmanager
    def _runner(self) -> Iterator[RunnerProcess]:
        """A process for one query; it is used again if it is alive then."""
        with self._lock:
            if self._closed:
                raise SqlUnavailableError("The service ends")
            while self._runners and not self._runners[-1].is_alive:
                self._runners.pop().end()
            is_new = not self._runners
            runner = self._start() if is_new else self._runners.pop()
            self._busy.add(runner)
        try:
            if is_new:
                self._await(runner)
            yield runner
        except (SqlTooLongError, SqlTooLargeError, SqlUnavailableError):
            runner.end()  # who knows in what state it is
            raise
        finally:
            with self._lock:
                self._busy.discard(runner)
                if not self._closed and runner.is_alive:
                    self._runners.append(runner)
            if self._closed:
                runner.end()

    def _start(self) -> RunnerProcess:
        try:
            for folder in (self._scratch, *self._readable):
                folder.mkdir(parents=True, exist_ok=True)  # the right to read it is given before it may be there
            scratch = tempfile.mkdtemp(dir=self._scratch)
        except OSError as error:
            raise SqlUnavailableError(f"There is no place to run the query in: {error}") from None
        command = [sys.executable, "-P", "-m", "serving.sql.sandbox.runner", orjson.dumps(self._limits).decode()]
        packages = str(Path(__file__).parents[2])
        environment = {"PYTHONPATH": packages, "LC_ALL": "C.UTF-8", "PATH": os.defpath, **_SPARING}
        return RunnerProcess([*command, self._log_format, scratch, *map(str, self._readable)], environment, scratch)

    def _await(self, runner: RunnerProcess) -> None:
        try:
            runner.ask({}, _START_SECONDS)
        except ChildEndedError as ended:
            raise SqlUnavailableError(f"The process that was to run the query did not start: {ended}") from None


class RunnerProcess(ChildProcess):
    """A process for queries, with a folder that goes when it does, whatever a killed query had spilt."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None, scratch: str):
        super().__init__(command, environment, scratch)
        self.scratch = scratch

    def end(self) -> None:
        super().end()
        shutil.rmtree(self.scratch, ignore_errors=True)
