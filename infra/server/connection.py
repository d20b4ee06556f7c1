"""A connection, and when it is refused: what it may take is bounded before anybody knows who is behind it."""

from __future__ import annotations

import asyncio
from collections import Counter
from heapq import nsmallest
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from infra.server.limits import ConnectionLimits
from serving.errors import (
    ConnectionsError,
    HeadTooLargeError,
    MalformedRequestError,
    RequestTooSlowError,
    ServingError,
)
from serving.http.problems import PROBLEM_BY_ERROR, problem_of

_MADE_ROOM, _NOT_TAKEN = "made-room", "answer-not-taken"
_REFUSALS = (ConnectionsError, HeadTooLargeError, MalformedRequestError, RequestTooSlowError)
REASONS = (*(PROBLEM_BY_ERROR[error].kind for error in _REFUSALS), _MADE_ROOM, _NOT_TAKEN)
"""Why a connection is ended before its time."""
_SHARE_ENDED = 64
"""One of so many of all connections may be ended at once to make room."""


class Connection(HttpToolsProtocol):
    """A connection of HTTP/1.1.

    Its life is: silent, a head arrives, a body arrives, answered, silent again. When there are too many, those that
    have been silent, at a head, or at a slow body for longest end for new ones. So whoever holds many open with half
    a request shuts out nobody for long.

    What is refused gets its problem as an answer, if no other answer is under way; one that is, goes on to its end.

    Parameters
    ----------
    config, server_state, app_state
        As uvicorn gives them.
    limits
        What it is held to.
    ended
        Counts why connections were ended before their time.
    """

    def __init__(
        self,
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        limits: ConnectionLimits,
        ended: Counter[str],
        _loop: asyncio.AbstractEventLoop | None = None,
    ):
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._head_bytes_most, self._head_fields = limits.head_bytes, limits.head_fields
        self._ended = ended
        self._in_head = self._head_began = False
        """Whether a head has begun and not ended; whether that was with the last bytes."""
        self._arriving = False
        """Whether a request has begun to arrive and not ended."""
        self._begun_at = self._heard_at = 0.0
        """When the present part of its life began, and when the last bytes came."""
        self._feed_bytes = self._head_bytes = self._idle_bytes = 0
        """Of the last bytes; of what came of a head before them; of what came of a body without being any of it."""
        self._problem: ServingError | None = None
        self._refused_at: float | None = None
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    # what uvloop tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._begun_at = self._heard_at = self.loop.time()
        if len(self.connections) > self._limits.connections and not self._make_room():
            self._refuse(ConnectionsError(self._limits.connections))

    def data_received(self, data: bytes) -> None:
        if self._refused_at is not None:
            return
        self._unset_keepalive_if_required()
        self._heard_at = self.loop.time()
        self._feed_bytes = len(data)
        self._idle_bytes += len(data)
        self._head_began = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # none is known here: it is answered in HTTP/1.1
            pass
        except httptools.HttpParserError:
            self._refuse(self._problem or MalformedRequestError())
            return
        if self._in_head and not self._head_began:  # else some of the bytes may belong to what came before it
            self._head_bytes += len(data)
            if self._head_bytes > self._head_bytes_most:
                self._refuse(self._too_large())
        elif self._arriving and self._idle_bytes > self._head_bytes_most:
            self._refuse(self._too_large())  # trailers without end

    # what httptools tells

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._arriving = self._head_began = True
        self._begun_at = self._heard_at
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # trailers come here too; nobody reads them
            return
        if len(self.headers) >= self._head_fields:
            raise self._too_large()
        name = name.lower()  # from here on as in uvicorn: a call less for each header
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        # a head that came in one piece no larger than the limit need not be added up
        if self._head_bytes + self._feed_bytes > self._head_bytes_most and self._size() > self._head_bytes_most:
            raise self._too_large()
        if len(self.pipeline) >= self._limits.pipelined:
            raise MalformedRequestError
        super().on_headers_complete()
        self._in_head = False
        self._idle_bytes = 0

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving = False
        self._begun_at = self._heard_at
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self._arriving:
            self._begun_at = self.loop.time()
        super().on_response_complete()

    # what is made of it

    def can_make_room(self, now: float) -> bool:
        """Whether little is lost with it: a head, a body that nobody waits for, or one that takes its time."""
        return self._is_answered or (self._arriving and now - self._begun_at > self._limits.head_seconds)

    @property
    def _is_answered(self) -> bool:
        cycle = self.cycle  # the newest
        return cycle is None or cycle.response_complete or cycle.disconnected

    @property
    def _is_silent(self) -> bool:
        return self._is_answered and not self._arriving

    def hold_to_time(self, now: float) -> None:
        """End it if it takes too long; asked every second. `now` is the loop's time."""
        limits = self._limits
        if self._refused_at is not None:
            if self._is_answered and now - self._refused_at > limits.linger_seconds:
                self.transport.abort()
        elif self._in_head:
            if now - self._begun_at > limits.head_seconds:
                self._refuse(RequestTooSlowError(limits.head_seconds))
        elif self._arriving:
            if self.flow.read_paused:  # it is we who let it wait
                self._heard_at = now
            elif now - self._begun_at > limits.request_seconds:
                self._refuse(RequestTooSlowError(limits.request_seconds))
            elif now - self._heard_at > limits.silent_seconds:
                self._refuse(RequestTooSlowError(limits.silent_seconds))
        elif self._is_silent and now - self._begun_at > self._silent_seconds:
            self.transport.close()
        self._hold_answer_to_time(now)

    @property
    def _silent_seconds(self) -> float:
        return self._limits.head_seconds if self.cycle is None else self.timeout_keep_alive

    def _hold_answer_to_time(self, now: float) -> None:
        """End it if nobody takes its answer, which is held in memory until somebody does."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes != self._unsent_bytes or not unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent_bytes, now
        elif now - self._unsent_since > self._limits.silent_seconds:
            self._ended[_NOT_TAKEN] += 1
            self.transport.abort()

    def _make_room(self) -> bool:
        """End those that can be ended and have been so for longest, a few at once; False: there is none.

        To look at all for each new one would be work that an attacker could have done.
        """
        now = self._begun_at
        idle = [
            connection
            for connection in self.connections
            if connection is not self and isinstance(connection, Connection) and connection.can_make_room(now)
        ]
        if not idle:
            return False
        few = 1 + self._limits.connections // _SHARE_ENDED
        for oldest in nsmallest(few, idle, key=lambda connection: connection._begun_at):
            self.connections.discard(oldest)  # it is told only later that it is lost
            oldest.transport.abort()
            self._ended[_MADE_ROOM] += 1
        return True

    def _refuse(self, error: ServingError) -> None:
        """Take nothing more; tell the error, if no answer is under way that it would run into."""
        self._ended[PROBLEM_BY_ERROR[type(error)].kind] += 1
        own = self._arriving and not self._in_head  # else it is about a request that nobody has been given yet
        self._refused_at = self.loop.time()
        self._in_head = self._arriving = False
        cycle, transport = self.cycle, self.transport
        if transport.is_closing():
            return
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # closed behind its answer
            if not own:
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                return
        elif own:  # it was answered before it had arrived
            transport.close()
            return
        transport.write(self._raw(error))
        transport.write_eof()

    def _raw(self, error: ServingError) -> bytes:
        """The answer that tells an error, as it goes over the wire."""
        response = problem_of(error)
        lines = [STATUS_LINE[response.status_code]]
        for name, value in (*self.server_state.default_headers, *response.raw_headers):
            lines += [name, b": ", value, b"\r\n"]
        return b"".join([*lines, b"\r\n", bytes(response.body)])

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> HeadTooLargeError:
        self._problem = HeadTooLargeError(self._limits.head_bytes, self._limits.head_fields)
        return self._problem
