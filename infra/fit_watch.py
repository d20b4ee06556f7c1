"""Whether the store fits the log, as a service asks it: at its start, and again where the store was away then."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from eventlog.errors import LogUnavailableError
from eventlog.store.errors import StoreUnavailableError
from infra.composition import Process

logger = logging.getLogger(__name__)
_AGAIN_SECONDS = 5.0


class FitWatch:
    """Asks until there is an answer; as a context, in a thread of its own.

    A service whose store cannot be reached starts all the same. What does not fit may be a wrong setting, so nothing is
    mended by itself: nothing is accepted, and what is there is served.
    """

    def __init__(self, process: Process):
        self._process = process
        self._known = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fit", daemon=True)

    def look(self) -> None:
        """Ask, and tell."""
        process = self._process
        try:
            assert process.app, "the store is held against the log before anything is done with the application"
            if process.log.misfit is None:
                process.check_fit()
            process.settle()
        except (StoreUnavailableError, LogUnavailableError) as error:
            logger.warning("whether the store fits the log is not known yet: %s", error)
            return
        self._known = True
        if process.log.misfit is not None:
            logger.error("read-only: %s", process.log.misfit)

    def __enter__(self) -> FitWatch:
        if not self._known:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._known and not self._closing.wait(_AGAIN_SECONDS):
            self.look()
