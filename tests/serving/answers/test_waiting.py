"""Waiting for what other threads do."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from serving.answers.waiting import result_of


def test_many_wait_for_what_many_threads_settle() -> None:
    futures: list[Future[int]] = [Future() for _ in range(300)]

    async def wait() -> list[int]:
        waiting = asyncio.gather(*map(result_of, futures))
        await asyncio.sleep(0)  # so that each has begun
        with ThreadPoolExecutor(4) as pool:
            pool.map(lambda number: futures[number].set_result(number), range(300))
            return await asyncio.wait_for(waiting, 30)

    assert asyncio.run(wait()) == list(range(300))


def test_what_is_settled_already_needs_no_other_thread() -> None:
    done: Future[str] = Future()
    done.set_result("done")
    assert asyncio.run(asyncio.wait_for(result_of(done), 30)) == "done"


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    failed: Future[None] = Future()
    failed.set_exception(LookupError("nothing there"))
    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(result_of(failed))


def test_what_is_cancelled_is_cancelled_for_who_waits() -> None:
    async def wait() -> None:
        cancelled: Future[None] = Future()
        waiting = asyncio.ensure_future(result_of(cancelled))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(wait())


def test_who_no_longer_waits_keeps_nobody_from_the_result() -> None:
    async def wait() -> int:
        future: Future[int] = Future()
        gone, waiting = asyncio.ensure_future(result_of(future)), asyncio.ensure_future(result_of(future))
        await asyncio.sleep(0)
        gone.cancel()
        future.set_result(5)
        return await waiting

    assert asyncio.run(wait()) == 5


def test_a_loop_that_is_closed_is_not_woken() -> None:
    future: Future[int] = Future()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(result_of(future), 0.001)

    asyncio.run(leave())
    future.set_result(1)
    assert future.result() == 1
