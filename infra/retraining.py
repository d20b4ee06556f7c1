"""Batch runs that a drift alarm starts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from anabranch import Model
from batch.errors import LeaseHeldError
from infra.composition import Process
from infra.errors import UsageError

logger = logging.getLogger(__name__)
_HOLDER = "cooldown"
"""No process is called so: such a lease ends with its time alone, also when the service is started again."""


class Retraining:
    """Starts batch runs on drift, at most one a model and cooldown. It is a lease, to outlive the process."""

    def __init__(self, process: Process, start: Callable[[bool], str]):
        self._process = process
        self._start_batch = start
        self._threads: list[threading.Thread] = []

    def on_drift(self, model: Model, alarmed_us: int) -> None:
        """Start a run, unless the model does not want it, the alarm is old news, or one was started lately."""
        old = self._process.clock() - alarmed_us > model.cooldown_us
        if not model.retrain_on_drift or old:
            return
        lease = self._process.leases.acquire(f"drift:{model.name}", _HOLDER, model.cooldown_us / 1e6)
        if lease is not None:  # starting takes seconds, and the fold goes on
            thread = threading.Thread(target=self._start, args=(model,), name=f"drift-{model.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self) -> None:
        """Wait until every run that was asked for has begun, or could not."""
        while self._threads:
            self._threads.pop().join()

    def _start(self, model: Model) -> None:
        try:
            run = self._start_batch(False)
            facts = {"model": model.name, "run": run}
            logger.warning("drift of model %r started batch run %s", model.name, run, extra=facts)
        except (LeaseHeldError, UsageError) as error:
            facts = {"model": model.name}
            logger.warning("drift of model %r started no batch run: %s", model.name, error, extra=facts)
