"""A connection whose client does not do its part, held to a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from infra.server.connection import Connection
from infra.server.limits import ConnectionLimits

LIMITS = ConnectionLimits()
Application = Callable[[Any, Any, Any], Awaitable[None]]


class Line:
    """A client's end, and the connection at the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection):
        self.reader = reader
        self.writer = writer
        self.connection = connection
        self.ended = connection._ended

    async def send(self, data: bytes) -> None:
        """Send, and let the other side take it in."""
        heard_at = self.connection._heard_at
        self.writer.write(data)
        await self.writer.drain()
        while self.connection._heard_at == heard_at:
            await asyncio.sleep(0)

    def later(self, seconds: float) -> None:
        self.connection.hold_to_time(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def line_to(app: Application) -> AsyncIterator[Line]:
    made: list[Connection] = []
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none")
    state = ServerState()

    def make() -> Connection:
        made.append(Connection(config, state, {}, LIMITS, Counter()))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    while not made:
        await asyncio.sleep(0)
    yield Line(reader, writer, made[0])
    writer.close()
    server.close()
    while state.connections or state.tasks:
        await asyncio.sleep(0)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def large(scope: Any, receive: Any, send: Any) -> None:
    """Answers with more than any buffer of the system holds."""
    body = bytes(50_000_000)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def test_an_answer_that_nobody_takes_is_let_go() -> None:
    async def played() -> None:
        async with line_to(large) as line:
            await line.send(b"GET / HTTP/1.1\r\n\r\n")
            while not line.connection.transport.get_write_buffer_size():
                await asyncio.sleep(0)
            line.later(0)
            line.later(LIMITS.silent_seconds - 1)
            assert line.ended == {}
            line.later(LIMITS.silent_seconds + 1)
            assert line.ended == {"answer-not-taken": 1}
            while line.connection.connections:
                await asyncio.sleep(0)

    asyncio.run(played())


def test_an_answer_that_is_taken_slowly_is_not_cut_off() -> None:
    async def played() -> None:
        async with line_to(large) as line:
            await line.send(b"GET / HTTP/1.1\r\n\r\n")
            for turn in range(5):
                await line.reader.readexactly(8_000_000)
                line.later(turn * (LIMITS.silent_seconds - 1))
            assert line.ended == {}

    asyncio.run(played())


def test_a_body_may_pause_and_not_stop() -> None:
    async def played() -> None:
        async with line_to(echo) as line:
            await line.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na")
            line.later(LIMITS.silent_seconds - 1)
            assert line.connection._refused_at is None
            line.later(LIMITS.silent_seconds + 1)
            assert (await line.reader.read()).startswith(b"HTTP/1.1 408 ")
            assert line.ended == {"request-too-slow": 1}

    asyncio.run(played())


def test_what_waits_because_we_do_not_read_is_not_blamed() -> None:
    started = asyncio.Event()

    async def busy(scope: Any, receive: Any, send: Any) -> None:
        await started.wait()
        await echo(scope, receive, send)

    async def played() -> None:
        async with line_to(busy) as line:
            await line.send(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
            while not line.connection.flow.read_paused:
                await asyncio.sleep(0)
            line.later(10 * LIMITS.request_seconds)
            started.set()
            await line.send(b"a" * 100_000)
            assert (await line.reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"

    asyncio.run(played())


def test_whoever_asks_for_another_protocol_is_answered_in_this_one() -> None:
    async def played() -> None:
        async with line_to(echo) as line:
            await line.send(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            assert (await line.reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"

    asyncio.run(played())


def test_heads_that_lie_across_the_borders_of_what_is_read_are_each_counted_alone() -> None:
    async def played() -> None:
        async with line_to(echo) as line:
            request = (
                b"POST / HTTP/1.1\r\nX-Padding: " + b"x" * 20_000 + b"\r\nContent-Length: 30000\r\n\r\n" + b"b" * 30_000
            )
            sent = request * 8
            for start in range(0, len(sent), 70_001):
                line.writer.write(sent[start : start + 70_001])
                await line.writer.drain()
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK") < 8:
                answers += await line.reader.read(65_536)
            assert line.ended == {}

    asyncio.run(played())
