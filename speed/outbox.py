"""What the fold gives to the log: drift alarms, and samples of features for the skew test.

Their ids come from their place in the log, so that a fold which repeats itself after a restart adds nothing twice.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future

import orjson

from anabranch import SYSTEM
from anabranch.errors import AnabranchError
from eventlog.decisions import FEATURES
from eventlog.log import Append, Appended, Log
from speed.fold import Effects

logger = logging.getLogger(__name__)
_FLUSH_SECONDS = 0.25
_HELD = 10_000
"""Samples that are held at most, when the log cannot be written."""


class Outbox:
    """Appends to the log without ever waiting for it.

    Parameters
    ----------
    log
        Where everything goes.
    """

    def __init__(self, log: Log):
        self._log = log
        self._samples: list[tuple[str, bytes]] = []
        self._alarms: list[tuple[str, bytes]] = []
        self._flushed = time.monotonic()

    def add(self, effects: Effects) -> None:
        """Take up what a fold gave."""
        self._samples += [(sample.id, orjson.dumps(sample.event())) for sample in effects.samples]
        self._alarms += [(alarm.id, orjson.dumps(alarm.event())) for alarm in effects.alarms]

    def flush(self, *, idle: bool) -> None:
        """Append what there is, if the fold is idle or some time has passed."""
        if not self._samples and not self._alarms:
            return
        now = time.monotonic()
        if not idle and now - self._flushed < _FLUSH_SECONDS:
            return
        self._flushed = now
        samples, self._samples = self._samples[-_HELD:], []
        alarms, self._alarms = self._alarms, []
        for stream, found in ((FEATURES, samples), (SYSTEM, alarms)):
            if found:
                self._submit(stream, found)

    def _submit(self, stream: str, found: list[tuple[str, bytes]]) -> None:
        nothing: list[None] = [None] * len(found)
        append = Append(stream, [id_ for id_, _ in found], [*nothing], [*nothing], [data for _, data in found])
        try:
            self._log.submit(append).add_done_callback(_say)
        except AnabranchError as error:
            logger.warning("%s records of %s were not appended: %s", len(found), stream, error)


def _say(future: Future[Appended]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        logger.warning("what the fold gave to the log was not appended: %s", error)
