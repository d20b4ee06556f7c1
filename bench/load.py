"""A client that costs little: keep-alive connections on bare asyncio protocols, in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Outcome:
    """What the client saw.

    Attributes
    ----------
    seconds
        From the first request to the last answer.
    latencies
        One per request, in seconds.
    failed
        How many answers were not 2xx.
    """

    seconds: float
    latencies: list[float]
    failed: int

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return percentile_ms(self.latencies, percent)


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """A percentile in milliseconds."""
    return statistics.quantiles(seconds, n=1000, method="inclusive")[int(percent * 10) - 1] * 1e3


def request(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """An HTTP/1.1 request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if method == "POST":
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def run(port: int, requests: Sequence[bytes], connections: int = 1, per_second: float | None = None) -> Outcome:
    """Send every request once, over so many connections, and wait for all the answers.

    With `per_second` the requests are sent at that rate, however long answers take.
    """
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(run_here, (port, requests, connections, per_second))


def run_here(port: int, requests: Sequence[bytes], connections: int, per_second: float | None) -> Outcome:
    """The same in this process."""
    return asyncio.run(_drive(port, requests, connections, per_second))


async def _drive(port: int, requests: Sequence[bytes], connections: int, per_second: float | None) -> Outcome:
    loop = asyncio.get_running_loop()
    numbers = count()
    latencies: list[float] = []
    failed = 0
    begun = time.perf_counter()

    async def connection() -> None:
        nonlocal failed
        _, protocol = await loop.create_connection(_Answers, "127.0.0.1", port)
        while (number := next(numbers)) < len(requests):
            if per_second is not None:
                await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            sent = time.perf_counter()
            status = await protocol.ask(requests[number])
            latencies.append(time.perf_counter() - sent)
            failed += not 200 <= status < 300
        protocol.transport.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return Outcome(time.perf_counter() - begun, latencies, failed)


class _Answers(asyncio.Protocol):
    """Reads answers that carry a Content-Length, one at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def ask(self, request: bytes) -> asyncio.Future[int]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.buffer = body[length:]
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(ConnectionError("the server closed the connection"))
