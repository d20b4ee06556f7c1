"""The loop goes on, whatever fails; and what it cannot do it tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anabranch import App, Cut, agg
from eventlog.decisions import BatchStarted, Publication
from eventlog.errors import LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.log.memory_log import MemoryLog
from eventlog.log.segment import Segment
from eventlog.store.errors import StoreUnavailableError
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.lag import SEEN_SECONDS
from tests.end_to_end.analyst import until
from tests.home_key import KEY
from tests.speed.conftest import append, make_app

SECOND = 1_000_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


class Failing(MemoryLog):
    """A log of which one method raises while `error` is set."""

    def __init__(self, method: str, clock: Callable[[], int]):
        super().__init__(clock=clock)
        self._method = method
        self.error: Exception | None = None
        self.raised = threading.Event()

    def _may(self, method: str) -> None:
        if method == self._method and self.error is not None:
            self.raised.set()
            raise self.error

    def end(self) -> Cut:
        self._may("end")
        return super().end()

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        self._may("read")
        return super().read(cut, limit)

    def wait(self, cut: Cut, timeout_seconds: float) -> bool:
        self._may("wait")
        return super().wait(cut, 0.01)

    def submit(self, append: Append) -> Future[Appended]:
        self._may("submit")
        return super().submit(append)


@contextmanager
def running(log: MemoryLog, folder: Path, app: App | None = None, **options: Any) -> Iterator[Consumer]:
    consumer = Consumer(
        app or make_app(),
        log,
        Checkpoints(folder, KEY),
        **{"can_serve": lambda _: True, "retry_seconds": 0.001, "clock": log.clock, **options},
    )
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()


def count(consumer: Consumer) -> int:
    with consumer.reader.holding() as state:
        return sum(int(epoch.tiles["ever"]["A",][0][0]) for epoch in state.epochs if "ever" in epoch.tiles)


@pytest.mark.parametrize("method", ["read", "wait", "end"])
@pytest.mark.parametrize("error", [LogUnavailableError("the server closed the connection"), RuntimeError("a bug")])
def test_the_fold_outlives_a_log_that_is_away_at_any_call(tmp_path: Path, method: str, error: Exception) -> None:
    log = Failing(method, Clock())
    if method == "end":  # it is asked at the start alone
        log.error = error
    with running(log, tmp_path) as consumer:
        log.error = error
        assert log.raised.wait(20)
        until(lambda: consumer.reader.trouble is not None, 20)
        assert str(error) in str(consumer.reader.trouble)
        log.error = None
        position = log.append(append(3)).position
        assert consumer.reader.when_past(position).result(20) == position
        until(lambda: consumer.reader.trouble is None, 20)
        assert count(consumer) == 3
        until(lambda: consumer.reader.caught_up, 20)


def test_the_lag_grows_while_an_idle_fold_cannot_look_at_the_log(tmp_path: Path) -> None:
    clock = Clock()
    log = Failing("wait", clock)
    with running(log, tmp_path) as consumer:
        position = log.append(append(1)).position
        consumer.reader.when_past(position).result(20)
        until(lambda: consumer.reader.caught_up, 20)
        assert consumer.reader.lag_seconds() == 0.0
        log.error, log._method = LogUnavailableError("away"), "read"
        assert log.raised.wait(20)
        clock.now += 60 * SECOND
        assert consumer.reader.lag_seconds() == 60.0
        clock.now += 60 * SECOND
        assert consumer.reader.lag_seconds() == 120.0
        log.error = None
        until(lambda: consumer.reader.lag_seconds() <= SEEN_SECONDS, 20)


class Breaking(agg.sum):
    """A sum that cannot be taken at times, as when memory runs out: nothing that is one event's fault."""

    is_broken = False

    def fold(self, slot: int, cells: Any, values: Any, orders: Any) -> None:
        if Breaking.is_broken:
            raise MemoryError("there is no memory left")
        super().fold(slot, cells, values, orders)


def test_a_fold_that_failed_within_a_change_goes_on_from_its_checkpoint_and_counts_nothing_twice(
    tmp_path: Path,
) -> None:
    clock = Clock()
    log = MemoryLog(clock=clock)
    with running(log, tmp_path, make_app(total=Breaking("minutes")), checkpoint_records=1) as consumer:
        consumer.reader.when_past(log.append(append(2)).position).result(20)
        until(lambda: any(tmp_path.glob("*2.checkpoint")), 20)
        Breaking.is_broken = True
        try:
            position = log.append(append(5)).position
            until(lambda: consumer.reader.trouble is not None and consumer.reader.is_whole, 20)
            assert "there is no memory left" in str(consumer.reader.trouble)
            clock.now += 60 * SECOND
            assert consumer.reader.lag_seconds() >= 60.0
            until(lambda: count(consumer) == 2, 20)  # what was half folded is gone
        finally:
            Breaking.is_broken = False
        consumer.reader.when_past(position).result(20)
        until(lambda: consumer.reader.trouble is None, 20)
        assert count(consumer) == 7


def test_a_checkpoint_that_cannot_be_written_is_told_and_the_fold_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    log = MemoryLog(clock=Clock())
    with running(log, tmp_path / "file", checkpoint_records=1) as consumer:
        for _ in range(3):
            consumer.reader.when_past(log.append(append(1)).position).result(20)
        until(lambda: bool(consumer.reader.warnings), 20)
        assert "no checkpoint at 0:" in consumer.reader.warnings[0]
        assert count(consumer) == 3


def test_whoever_waits_while_the_fold_recovers_is_answered_although_nothing_is_left_to_fold(
    app: App, tmp_path: Path
) -> None:
    log = MemoryLog()
    position = log.append(append(3)).position
    first = Consumer(app, log, Checkpoints(tmp_path, KEY), lambda _: True)
    first.start()
    first.reader.when_past(position).result(10)
    first.stop()
    again = Consumer(app, log, Checkpoints(tmp_path, KEY), lambda _: True)
    asked = again.reader.when_past(position)  # before it has recovered, and its checkpoint is the end of the log
    again.start()
    try:
        assert asked.result(10) == position
    finally:
        again.stop()


class Store:
    """Answers whether generations can be served; while `error` is set it cannot be asked."""

    def __init__(self, error: Exception | None = None):
        self.error = error
        self.asked = threading.Event()

    def can_serve(self, publication: Publication) -> bool:
        self.asked.set()
        if self.error is not None:
            raise self.error
        return True


PASSING = [StoreUnavailableError("s3://lake", "blobs/1", TimeoutError("503")), OSError(5, "I/O"), MemoryError()]


@pytest.mark.parametrize("error", PASSING)
def test_the_fold_waits_for_a_store_that_is_away_and_comes_to_the_same_state(tmp_path: Path, error: Exception) -> None:
    clock = Clock()
    log, store = MemoryLog(clock=clock), Store()
    with running(log, tmp_path, can_serve=store.can_serve) as consumer:
        log.append(append(2))
        cut = Cut((log.mark(BatchStarted("r1").event()),))
        before = log.append(append(3)).position
        consumer.reader.when_past(before).result(20)
        store.error = error
        log.mark(Publication(1, cut, "", "r1").event())
        behind = log.append(append(1)).position
        until(lambda: consumer.reader.trouble is not None, 20)
        assert str(error or "MemoryError") in str(consumer.reader.trouble)
        assert (consumer.reader.cut, consumer.reader.publication, count(consumer)) == (before, None, 5)  # reads go on
        clock.now += 60 * SECOND
        assert consumer.reader.lag_seconds() >= 60.0
        store.error = None
        assert consumer.reader.when_past(behind).result(20) == behind
        until(lambda: consumer.reader.trouble is None, 20)
        assert (consumer.reader.moment().publication or None) is not None
        assert count(consumer) == 4
        assert list(consumer.reader.warnings) == []


@pytest.mark.parametrize("error", PASSING)
def test_a_start_waits_for_a_store_that_is_away_and_leaves_no_checkpoint_aside(
    tmp_path: Path, error: Exception
) -> None:
    log, store = MemoryLog(), Store()
    cut = Cut((log.mark(BatchStarted("r1").event()),))
    log.mark(Publication(1, cut, "", "r1").event())
    position = log.append(append(3)).position
    with running(log, tmp_path) as consumer:
        consumer.reader.when_past(position).result(20)
    store.error = error
    with running(log, tmp_path, can_serve=store.can_serve) as consumer:
        until(lambda: consumer.reader.trouble is not None, 20)
        assert str(error or "MemoryError") in str(consumer.reader.trouble)
        assert not consumer.reader.caught_up
        store.error = None
        until(lambda: consumer.reader.caught_up, 20)
        assert (consumer.reader.cut, count(consumer), consumer.reader.records_folded) == (position, 3, 0)
        assert list(consumer.reader.warnings) == []


def test_a_checkpoint_that_cannot_be_read_at_the_start_is_waited_for(tmp_path: Path) -> None:
    log = MemoryLog()
    position = log.append(append(3)).position
    with running(log, tmp_path) as consumer:
        consumer.reader.when_past(position).result(20)
    (path,) = tmp_path.glob("*.checkpoint")
    path.rename(tmp_path / "kept")
    path.symlink_to(path)  # a link that leads to itself stands for a disk that does not answer
    with running(log, tmp_path) as consumer:
        until(lambda: consumer.reader.trouble is not None, 20)
        (tmp_path / "kept").rename(path)
        until(lambda: consumer.reader.caught_up, 20)
        assert (consumer.reader.cut, consumer.reader.records_folded) == (position, 0)
