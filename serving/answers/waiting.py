"""Waiting for other threads: for a commit, and for the fold, so that a client reads its own writes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from anabranch import Cut
from serving.answers.selection import TIMEOUT_DEFAULT_MS
from serving.errors import FoldBehindError, QueryError
from speed.reader import SpeedReader

Result = TypeVar("Result")


async def result_of(future: Future[Result]) -> Result:
    """The result of work that another thread does for many requests at a time, such as a commit.

    `asyncio.wrap_future` wakes the event loop for every future. Here those that are settled together wake it once.
    Who no longer waits leaves the work to be done all the same.
    """
    loop = asyncio.get_running_loop()
    bell = _bells.get(loop)
    if bell is None:
        bell = _bells[loop] = _Bell(loop)
    return await bell.answer_to(future)


class _Bell:
    """Brings to an event loop what other threads have settled."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._settled: deque[tuple[Future[Any], asyncio.Future[Any]]] = deque()
        self._rung = False

    def answer_to(self, future: Future[Result]) -> asyncio.Future[Result]:
        """A future of the loop that comes out as `future` does."""
        answer: asyncio.Future[Result] = self._loop.create_future()
        future.add_done_callback(lambda done: self._ring(done, answer))
        return answer

    def _ring(self, done: Future[Any], answer: asyncio.Future[Any]) -> None:
        """Called by the thread that settled it: it says so, then looks at `_rung`; the loop the other way round."""
        # Into the queue first: where the loop is found to be rung for, it has yet to empty the queue, and finds this.
        # The other way round it could be emptied in between, and this would lie there until the next commit rings.
        self._settled.append((done, answer))
        if not self._rung and not self._loop.is_closed():
            self._rung = True
            self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._rung = False  # before the queue is emptied: what comes from now on rings again
        while self._settled:
            done, answer = self._settled.popleft()
            if answer.done():  # who waited has gone
                continue
            if done.cancelled():
                answer.cancel()
            elif (error := done.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())


_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = WeakKeyDictionary()
"""There is one loop in a service; tests have more."""


async def until_past(speed: SpeedReader, after: Cut, timeout_seconds: float) -> None:
    """Return once the fold has passed `after`.

    Raises
    ------
    FoldBehindError
        If that takes longer than `timeout_seconds`.
    QueryError
        If `after` speaks of partitions that the log does not have.
    """
    cut = speed.cut
    if cut.covers(after):
        return
    if len(after.offsets) > len(cut.offsets):
        raise QueryError("after", f"names {len(after.offsets)} partitions; this log has {len(cut.offsets)}, like {cut}")
    try:
        await asyncio.wait_for(asyncio.wrap_future(speed.when_past(after)), timeout_seconds)
    except TimeoutError:
        raise FoldBehindError(after, speed.cut, timeout_seconds) from None


async def until_asked(speed: SpeedReader, parameters: Mapping[str, Any]) -> None:
    """`until_past` what the parameters ``after`` and ``timeout_ms`` of a request say, if they do."""
    if "after" in parameters:
        await until_past(speed, parameters["after"], parameters.get("timeout_ms", TIMEOUT_DEFAULT_MS) / 1_000)
