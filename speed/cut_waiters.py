"""Those who wait until the fold has passed a cut, so that a client reads its own writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from anabranch import Cut


class CutWaiters:
    """Hands out a future for a cut, and resolves it when that is passed.

    Parameters
    ----------
    reached
        How far the fold is.
    """

    def __init__(self, reached: Callable[[], Cut]):
        self._reached = reached
        self._lock = threading.Lock()
        self._waiting: list[tuple[Cut, Future[Cut]]] = []

    def when_past(self, cut: Cut) -> Future[Cut]:
        """A future that is resolved with the fold's cut once that covers `cut`."""
        future: Future[Cut] = Future()
        with self._lock:
            reached = self._reached()
            if reached.covers(cut):
                future.set_result(reached)
            else:
                self._waiting.append((cut, future))
        return future

    def wake(self) -> None:
        """Resolve the futures of all whose cut is passed. Called by the fold after everything it has folded."""
        with self._lock:  # not without it: who asks may have looked at the cut, and not be among them yet
            if not self._waiting:
                return
            reached = self._reached()
            passed = [future for cut, future in self._waiting if reached.covers(cut)]
            self._waiting = [
                (cut, future)
                for cut, future in self._waiting
                if not reached.covers(cut) and not future.cancelled()  # who waited in vain has gone
            ]
        for future in passed:  # without the lock: a callback may ask again
            if future.set_running_or_notify_cancel():
                future.set_result(reached)

    def cancel(self) -> None:
        """Nothing will be folded any more: cancel all futures."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.cancel()
