"""Group commit: one thread takes everything that is queued and commits it at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from eventlog.counting.latency_buckets import LatencyBuckets
from eventlog.errors import KeyReusedError, LogBusyError, LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.registry.leases import Lease

MAX_QUEUED_BYTES = 64 * 2**20
"""More than this does not wait in memory: the log is busy. A single append may be larger."""
MAX_COMMIT_BYTES = 16 * 2**20
"""About how much goes into one commit."""


@dataclass(slots=True)
class QueuedAppend:
    """An append that waits for its commit; with a lease it has a transaction of its own."""

    append: Append
    lease: Lease | None = None
    future: Future[Appended] = field(default_factory=Future)
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = sum(map(len, self.append.data)) + sum(len(body) for body, _ in self.append.refused)


Outcome = Appended | KeyReusedError
"""What becomes of a request in a commit: one that is refused for its key harms no other."""
SIBLINGS = 4
GATHER_SECONDS = 0.01
"""After a commit of so many requests, how long to wait at most until all who asked have asked again: a commit costs
as much as many events. PostgreSQL's ``commit_siblings`` and ``commit_delay`` do the same."""


class Committer:
    """The writer thread and its queue.

    An idle log commits a request at once; whatever comes while it does is committed together next, and where many
    requests come at once, it waits for those it answered to be back (see `GATHER_SECONDS`). A commit
    that fails for an unexpected reason is repeated request by request, so that one bad append harms no other.

    Parameters
    ----------
    commit
        Makes requests durable in one transaction, all or none, and returns a result for each. When it raises, none is;
        only after a `LogUnavailableError` all may be, and so such a commit is not repeated.

    Attributes
    ----------
    latencies
        How long commits took, and how many failed.
    """

    def __init__(self, commit: Callable[[list[QueuedAppend]], Sequence[Outcome]]):
        self._commit = commit
        self.latencies = LatencyBuckets()
        self._queue: deque[QueuedAppend] = deque()
        self._queued_bytes = 0
        self._closed = False
        self._awaited = 1
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, request: QueuedAppend, *, block: bool) -> Future[Appended]:
        """Queue a request. Without room it waits (`block`) or raises `LogBusyError`."""
        with self._changed:
            # what is larger than all the room is let in once nothing else waits, or it would wait for ever
            while not self._closed and self._queue and self._queued_bytes + request.bytes > MAX_QUEUED_BYTES:
                if not block:
                    raise LogBusyError(f"{self._queued_bytes} bytes wait to be committed")
                self._changed.wait()
            if self._closed:
                raise LogUnavailableError("it is closed")
            self._queue.append(request)
            self._queued_bytes += request.bytes
            if len(self._queue) >= self._awaited:  # a writer that gathers sleeps until all whom it awaits are here
                self._changed.notify_all()
        return request.future

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while requests := self._take():
            # from here on nobody can cancel: what is being committed may be in the log already
            self._settle([request for request in requests if request.future.set_running_or_notify_cancel()])
            self._gather(len(requests))

    def _gather(self, last: int) -> None:
        """Give those who were answered together the time to ask again together, if they were many."""
        if last < SIBLINGS:
            return
        deadline = time.monotonic() + GATHER_SECONDS
        with self._changed:
            self._awaited = last + len(self._queue)  # as many as there are who ask
            while len(self._queue) < self._awaited and not self._closed and (rest := deadline - time.monotonic()) > 0:
                self._changed.wait(rest)
            self._awaited = 1

    def _take(self) -> list[QueuedAppend]:
        """What goes into the next commit; nothing when closed."""
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            taken: list[QueuedAppend] = []
            size = 0
            while self._queue and (not taken or size + self._queue[0].bytes <= MAX_COMMIT_BYTES):
                # a lease that was lost fails its whole transaction, and its row stays locked until that ends: neither
                # is to be felt by appends of others
                if taken and (self._queue[0].lease or taken[0].lease):
                    break
                taken.append(self._queue.popleft())
                size += taken[-1].bytes
            self._queued_bytes -= size
            self._changed.notify_all()
            return taken

    def _settle(self, requests: list[QueuedAppend]) -> None:
        begun = time.perf_counter()
        try:
            outcomes = self._commit(requests) if requests else []
        except Exception as error:  # whatever it is, the thread lives and every future is told
            self.latencies.failures += 1
            if len(requests) > 1 and not isinstance(error, LogUnavailableError):
                for request in requests:  # none of them is in the log: see `commit`
                    self._settle([request])
            else:
                for request in requests:
                    request.future.set_exception(error)
        else:
            if requests:
                self.latencies.observe(time.perf_counter() - begun)
            for request, outcome in zip(requests, outcomes, strict=True):
                if isinstance(outcome, Appended):
                    request.future.set_result(outcome)
                else:
                    request.future.set_exception(outcome)
