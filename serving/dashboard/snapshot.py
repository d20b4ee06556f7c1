"""What the overview shows: one snapshot a second, for all who look."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

import orjson

from anabranch.instant import iso
from eventlog.decisions import PREDICTIONS
from eventlog.errors import LogUnavailableError
from eventlog.registry.dead_letters import LetterTotals
from serving.answers.staleness import staleness
from serving.models.model_status import ModelDirectory
from serving.routes.batch import describe
from serving.service import Service

_SNAPSHOT_SECONDS = 0.9
_RATES_SECONDS = 2.4
_MODELS_SECONDS = 4.0
_REJECTED_SECONDS = 5.0
_RUNS = 6
_NO_LETTERS: dict[str, Any] = {"rejected": {}, "rejected_dropped": {}}

T = TypeVar("T")


class CachedAnswer(Generic[T]):
    """An answer that is computed again when it is older than `seconds`; who asks meanwhile gets the same one."""

    def __init__(self, seconds: float, compute: Callable[[], T], clock: Callable[[], float] = time.monotonic):
        self._seconds = seconds
        self._compute = compute
        self._clock = clock
        self._lock = Lock()
        self._until = float("-inf")
        self._answer: T

    def get(self) -> T:
        """The answer."""
        with self._lock:
            if self._clock() >= self._until:
                self._answer = self._compute()
                self._until = self._clock() + self._seconds
            return self._answer


class OverviewSnapshots:
    """The state of a service at a glance, as JSON text."""

    def __init__(self, service: Service, models: ModelDirectory):
        self._service = service
        self._summaries = CachedAnswer(_MODELS_SECONDS, models.summaries)
        self._rates = CachedAnswer(_RATES_SECONDS, self._of_rates)
        self._letters = CachedAnswer(_REJECTED_SECONDS, self._letter_totals)
        self._text = CachedAnswer(_SNAPSHOT_SECONDS, lambda: orjson.dumps(self.snapshot()))

    def text(self) -> bytes:
        """The newest snapshot; it is about a second old at most."""
        return self._text.get()

    def snapshot(self) -> dict[str, Any]:
        """A new one."""
        service = self._service
        moment = service.speed.moment()
        return {
            "app": service.app.name,
            "locked": service.api_key is not None,
            "time": iso(service.clock()),
            "caught_up": service.speed.caught_up,
            "problem": service.speed.trouble,
            "read_only": None if service.log.misfit is None else str(service.log.misfit),
            "warnings": list(service.speed.warnings),
            "ahead_seconds": {
                stream: (newest - service.clock()) / 1e6
                for stream, newest in moment.watermarks.items()
                if newest > service.clock() + service.limits.max_future_us
            },
            "epochs": [{"start": str(epoch.start), "run": epoch.run} for epoch in moment.epochs],
            **staleness(service, moment.publication, moment.cut),
            **self._of_log(),
            "models": self._summaries.get(),
            "streams": list(service.app.streams),
            "views": list(service.app.views),
            "next_run": self._next_run(),
        }

    def _of_log(self) -> dict[str, Any]:
        """What only the database knows; without it the rest is shown all the same."""
        service = self._service
        try:
            letters = self._letters.get()
            return {
                "log_end": str(service.log.end()),
                "rates": self._rates.get(),
                "rejected": {stream: totals.waiting for stream, totals in letters.items()},
                "rejected_dropped": {stream: totals.dropped for stream, totals in letters.items()},
                "runs": [describe(run, service.clock()) for run in service.runs.list(_RUNS)],
            }
        except LogUnavailableError as error:
            return {"log_end": None, "rates": None, **_NO_LETTERS, "runs": [], "problem": str(error)}

    def _of_rates(self) -> dict[str, Any] | None:
        """Users' events and predictions by bucket, the first of which begins at `start`."""
        buckets = self._service.rates()
        if len(buckets) < 2:
            return None
        events = [sum(n for stream, n in counts.items() if not stream.startswith("_")) for _, counts in buckets]
        return {
            "start": iso(buckets[0][0]),
            "seconds": (buckets[1][0] - buckets[0][0]) / 1e6,
            "events": events,
            "predictions": [counts.get(PREDICTIONS, 0) for _, counts in buckets],
        }

    def _letter_totals(self) -> dict[str, LetterTotals]:
        return {name: self._service.dead_letters.totals(name) for name in self._service.app.streams}

    def _next_run(self) -> str | None:
        """When the scheduler starts the next batch run, if there is one."""
        next_run = self._service.next_run()
        return None if next_run is None else iso(next_run)
