from __future__ import annotations

from concurrent.futures import Future

import pytest

from anabranch import SYSTEM, Cut
from eventlog.decisions import FEATURES, DriftDetected, FeatureSample
from eventlog.errors import LogBusyError, LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.log.memory_log import MemoryLog
from speed.fold import Effects
from speed.outbox import Outbox


class Refusing(MemoryLog):
    """A log that raises when something is submitted, or fails to write it."""

    def __init__(self, at_once: bool):
        super().__init__()
        self.error: Exception | None = None
        self._at_once = at_once

    def submit(self, append: Append) -> Future[Appended]:
        if self.error is None:
            return super().submit(append)
        if self._at_once:
            raise self.error
        future: Future[Appended] = Future()
        future.set_exception(self.error)
        return future


def effects(offset: int) -> Effects:
    return Effects(alarms=[DriftDetected("m", offset, "one")], samples=[FeatureSample("m", "f", offset, {"x": 1.0})])


def records(log: MemoryLog) -> list[tuple[str, str | None]]:
    return [(segment.stream, record.id) for segment in log.read(Cut()) for record in segment.records()]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("error", [LogUnavailableError("away"), LogBusyError("full"), RuntimeError("a bug")])
def test_what_could_not_be_written_is_written_later_in_its_order(at_once: bool, error: Exception) -> None:
    log = Refusing(at_once)
    outbox = Outbox(log)
    log.error = error
    outbox.add(effects(1))
    outbox.flush(idle=True)
    outbox.add(effects(2))
    outbox.flush(idle=True)
    assert records(log) == []
    log.error = None
    outbox.flush(idle=True)
    outbox.flush(idle=True)
    found = records(log)
    assert [id_ for stream, id_ in found if stream == SYSTEM] == ["drift:m:1", "drift:m:2"]
    assert [id_ for stream, id_ in found if stream == FEATURES] == ["m:f:1", "m:f:2"]


def test_what_was_written_although_it_seemed_not_to_be_is_there_once() -> None:
    class Forgetful(MemoryLog):
        """A log whose first reply is lost."""

        replies = 0

        def submit(self, append: Append) -> Future[Appended]:
            future = super().submit(append)
            self.replies += 1
            if self.replies > 1:
                return future
            lost: Future[Appended] = Future()
            lost.set_exception(LogUnavailableError("the connection was lost"))
            return lost

    log = Forgetful()
    outbox = Outbox(log)
    outbox.add(Effects(alarms=[DriftDetected("m", 7, "one")]))
    for _ in range(3):
        outbox.flush(idle=True)
    assert records(log) == [(SYSTEM, "drift:m:7")]


def test_a_busy_fold_appends_now_and_then() -> None:
    log, now = MemoryLog(), [0.0]
    outbox = Outbox(log, lambda: now[0])
    outbox.add(effects(1))
    outbox.flush(idle=False)
    assert records(log) == []
    now[0] = 1.0
    outbox.flush(idle=False)
    assert len(records(log)) == 2
