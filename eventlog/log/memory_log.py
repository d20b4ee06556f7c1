"""The log in memory: the twin of `SqlLog`, for tests and for trying definitions out."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Condition
from typing import TYPE_CHECKING, Any

import orjson

from anabranch import SYSTEM, Cut
from eventlog.clock import Clock, now_us
from eventlog.errors import KeyReusedError, LogReadOnlyError, LogUnavailableError
from eventlog.log import Append, Appended
from eventlog.log.archived_segments import abutting, read_archived, read_archived_system
from eventlog.log.identity import new_id
from eventlog.log.keyed_requests import Answered
from eventlog.log.misfit import Misfit
from eventlog.log.placement import place
from eventlog.log.repeated_appends import RepeatedAppends
from eventlog.log.retraction import Retracted, Retraction, without
from eventlog.log.segment import Segment
from eventlog.registry.leases import Lease, MemoryLeases
from eventlog.registry.letter_keeping import RefusedEvent

if TYPE_CHECKING:
    from eventlog.lake import Lake


class MemoryLog:
    """A log that lives as long as the process; see `Log` for what its methods promise.

    Parameters
    ----------
    lake
        Answers for records that were trimmed; None: they are gone.
    clock
        Tells the append time.
    leases
        Who may mark.

    Attributes
    ----------
    id, misfit
        See `Log`.
    refused
        (stream, event) of everything that was refused, which a database keeps as dead letters.
    """

    def __init__(self, lake: Lake | None = None, clock: Clock = now_us, leases: MemoryLeases | None = None):
        self.id = new_id()
        self.misfit: Misfit | None = None
        self.lake = lake
        self.clock = clock
        self.leases = leases or MemoryLeases(clock)
        self.refused: list[tuple[str, RefusedEvent]] = []
        self._segments: list[Segment] = []
        self._first = 0
        self._next = 0
        self._retracted: Retracted = {}
        self._offset_by_id: dict[tuple[str, str], int] = {}
        self._answered_by_key: dict[str, Answered] = {}
        self._grown = Condition()
        self._closed = False

    def submit(self, append: Append) -> Future[Appended]:
        """Append at once; the future is done."""
        future: Future[Appended] = Future()
        try:
            future.set_result(self.append(append))
        except (LogUnavailableError, KeyReusedError) as error:
            future.set_exception(error)
        return future

    def append(self, append: Append) -> Appended:
        """Append."""
        with self._grown:
            if self._closed:
                raise LogUnavailableError("it is closed")
            if self.misfit is not None:
                raise LogReadOnlyError(self.misfit)
            repeated = RepeatedAppends(self.answered, [append])
            if not repeated.is_new(0):
                outcome = repeated.outcome(0)
                if isinstance(outcome, KeyReusedError):
                    raise outcome
                return outcome
            known = {}
            for id_ in append.ids:
                if id_ is not None and (append.stream, id_) in self._offset_by_id:
                    known[id_] = self._offset_by_id[append.stream, id_]
            arranged = place([append], known, partition=0, offset=self._next, now=self.clock())
            for index, id_ in enumerate(arranged.ids):
                if id_ is not None:
                    self._offset_by_id[append.stream, id_] = self._next + index
            self.refused += [(append.stream, event) for event in append.refused]
            self._segments += arranged.segments
            self._next += len(arranged.ids)
            self._answered_by_key.update(repeated.settle({0: arranged.results[0]}, self.end()))
            self._grown.notify_all()
            return arranged.results[0]

    def mark(self, data: dict[str, Any], lease: Lease | None = None, *, retracts: Retraction | None = None) -> int:
        """Append one event of the system, fenced by a lease; see `Log.mark`."""
        with self.leases.lock, self._grown:
            if lease is not None:
                self.leases.check(lease)
            append = Append(SYSTEM, [None], [None], [None], [orjson.dumps(data)], retracts=retracts)
            decided = self.append(append).position.offsets[0] - 1
            if retracts is not None:
                self._retracted = {**self._retracted, retracts.offset: decided}
                if retracts.id is not None:
                    self._offset_by_id.pop((retracts.stream, retracts.id), None)
        return decided

    def retracted(self) -> Retracted:
        """Which events were taken out; see `Log.retracted`."""
        return self._retracted

    def answered(self, key: str) -> Answered | None:
        """What the first request with a key was told; see `Log.answered`."""
        return self._answered_by_key.get(key)

    def end(self) -> Cut:
        """The cut after the last record."""
        return Cut((self._next,))

    def begin(self) -> Cut:
        """The first cut that is still hot."""
        return Cut((self._first,))

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """About `limit` records from `cut` on; see `Log.read`."""
        start = cut.offsets[0]
        stop = start + max(limit, 1)
        with self._grown:
            first = self._first
            index = max(bisect_right(self._segments, start, key=lambda segment: segment.offset) - 1, 0)
            found = self._segments[index : bisect_right(self._segments, stop - 1, key=lambda segment: segment.offset)]
        if start < first:
            return without(read_archived(self.lake, start, first, limit), self._retracted)
        hot = abutting([segment.tail(start) for segment in found if segment.end > start], start)
        return without(hot, self._retracted)

    def read_system(self, stop: Cut | None = None) -> Iterator[Segment]:
        """The records of the system's own stream; see `Log.read_system`."""
        with self._grown:
            first, end = self._first, self._next
            hot = [segment for segment in self._segments if segment.stream == SYSTEM]
        end = end if stop is None else min(end, stop.offsets[0])
        yield from read_archived_system(self.lake, 0, min(first, end))
        yield from (segment.head(end) for segment in hot if segment.offset < end)

    def wait(self, cut: Cut, timeout_seconds: float) -> bool:
        """Wait until the log grows past `cut`; see `Log.wait`."""
        deadline = time.monotonic() + timeout_seconds
        with self._grown:
            while self._next <= cut.offsets[0]:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return False
                self._grown.wait(remaining)
        return True

    def trim(self, before: Cut) -> int:
        """Drop segments wholly before, and their ids; see `Log.trim`."""
        if self.misfit is not None:
            raise LogReadOnlyError(self.misfit)
        with self._grown:
            going = [segment for segment in self._segments if segment.end <= before.offsets[0]]
            for segment in going:
                for offset, id_ in enumerate(segment.ids(), segment.offset):
                    if id_ is not None and offset not in self._retracted:
                        del self._offset_by_id[segment.stream, id_]
            self._segments = self._segments[len(going) :]
            self._first = going[-1].end if going else self._first
            answered = self._answered_by_key.items()
            self._answered_by_key = {key: told for key, told in answered if told.position.offsets[0] >= self._first}
        return sum(segment.count for segment in going)

    def close(self) -> None:
        """Take no more appends."""
        self._closed = True
