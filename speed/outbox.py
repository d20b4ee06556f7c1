"""What the fold gives to the log: drift alarms, and samples of features for the skew test.

Their ids come from their place in the log, so that what is given twice is there once: a fold that repeats itself after
a restart may give everything again, and so may an append of which nobody knows whether it was written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future

import orjson

from anabranch import SYSTEM
from eventlog.decisions import FEATURES
from eventlog.log import Append, Appended, Log
from speed.fold import Effects

logger = logging.getLogger(__name__)
_FLUSH_SECONDS = 0.25
_HELD = 10_000
"""Records of a stream that are held at most while the log cannot be written; the oldest go first."""

Given = list[tuple[str, bytes]]
"""(id, data) of records that are to be appended."""


class Outbox:
    """Appends to the log without ever waiting for it, and tries again what was not written.

    What is held is in memory alone. A kill loses it, unless it was given after the last checkpoint: then the fold
    gives it again.

    Parameters
    ----------
    log
        Where everything goes.
    monotonic
        Seconds, of a clock that only goes forward.
    """

    def __init__(self, log: Log, monotonic: Callable[[], float] = time.monotonic):
        self._log = log
        self._monotonic = monotonic
        self._held: dict[str, Given] = {FEATURES: [], SYSTEM: []}
        self._sent: list[tuple[str, Given, Future[Appended]]] = []
        self._flushed = monotonic()
        self._is_told = False

    def add(self, effects: Effects) -> None:
        """Take up what a fold gave."""
        self._held[FEATURES] += [(sample.id, orjson.dumps(sample.event())) for sample in effects.samples]
        self._held[SYSTEM] += [(alarm.id, orjson.dumps(alarm.event())) for alarm in effects.alarms]

    def flush(self, *, idle: bool) -> None:
        """Append what there is, if the fold is idle or some time has passed. It never raises."""
        if not self._sent and not any(self._held.values()):
            return
        now = self._monotonic()
        if not idle and now - self._flushed < _FLUSH_SECONDS:
            return
        self._flushed = now
        self._take_back()
        for stream, given in self._held.items():
            if given:
                self._held[stream] = []
                self._submit(stream, given[-_HELD:])  # bounded where it grows again and again, not at every `add`

    def _take_back(self) -> None:
        """Hold again what was sent and not written."""
        sent, self._sent = self._sent, []
        for stream, given, future in sent:
            if not future.done():
                self._sent.append((stream, given, future))
            elif future.cancelled() or future.exception() is not None:
                self._failed(stream, given, None if future.cancelled() else future.exception())
            else:
                self._is_told = False

    def _submit(self, stream: str, given: Given) -> None:
        nothing: list[None] = [None] * len(given)
        append = Append(stream, [id_ for id_, _ in given], [*nothing], [*nothing], [data for _, data in given])
        try:
            self._sent.append((stream, given, self._log.submit(append)))
        except Exception as error:  # too much is queued, or the database is away: the fold goes on
            self._failed(stream, given, error)

    def _failed(self, stream: str, given: Given, error: BaseException | None) -> None:
        if not self._is_told:  # once, not four times a second while the database is away
            logger.warning("%d records of %s were not appended yet: %s", len(given), stream, error or "cancelled")
            self._is_told = True
        self._held[stream] = given + self._held[stream]  # in front: alarms stay in their order
