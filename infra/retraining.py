"""Batch runs that a drift alarm starts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from anabranch import Model
from batch.errors import LeaseHeldError
from eventlog.errors import LogUnavailableError
from infra.composition import Process
from serving.errors import BatchNotStartedError

logger = logging.getLogger(__name__)
_TRIES = 20
_AGAIN_SECONDS = 1.0
_HOLDER = "cooldown"
"""No process is called so: such a lease ends with its time alone, also when the service is started again."""


class Retraining:
    """Starts batch runs on drift, at most one a model and cooldown. It is a lease, to outlive the process."""

    def __init__(self, process: Process, start: Callable[[bool], str]):
        self._process = process
        self._start_batch = start
        self._threads: list[threading.Thread] = []

    def on_drift(self, model: Model, alarmed_us: int) -> None:
        """Start a run, unless the model does not want it, the alarm is old news, or one was started lately.

        Called from the fold, which goes on meanwhile and never meets what fails here: another thread does it.
        """
        old = self._process.clock() - alarmed_us > model.cooldown_us
        if not model.retrain_on_drift or old:
            return
        thread = threading.Thread(target=self._start, args=(model,), name=f"drift-{model.name}", daemon=True)
        self._threads = [at_work for at_work in self._threads if at_work.is_alive()]
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until every run that was asked for has begun, or could not."""
        while self._threads:
            self._threads.pop().join()

    def _start(self, model: Model) -> None:
        facts = {"model": model.name}
        try:
            if not self._is_first(model):
                return
            run = self._start_batch(False)
            logger.warning("drift of model %r started batch run %s", model.name, run, extra={**facts, "run": run})
        except (BatchNotStartedError, LeaseHeldError, LogUnavailableError) as error:
            logger.warning("drift of model %r started no batch run: %s", model.name, error, extra=facts)
        except Exception:  # whatever it is, the next alarm must have its chance
            logger.exception("drift of model %r started no batch run", model.name, extra=facts)

    def _is_first(self, model: Model) -> bool:
        """Whether no run was started within the cooldown; from now on one was. A database that restarts is awaited."""
        for _ in range(_TRIES):
            try:
                return self._process.leases.acquire(f"drift:{model.name}", _HOLDER, model.cooldown_us / 1e6) is not None
            except LogUnavailableError as error:
                logger.info("drift of model %r waits: %s", model.name, error)
                time.sleep(_AGAIN_SECONDS)
        raise LogUnavailableError(f"{_TRIES} times")
