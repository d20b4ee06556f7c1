"""A name for every request: in the header of its answer, in the log's lines, in the problems that are our fault."""

from __future__ import annotations

import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.log_lines import request_id
from serving.models.prediction_recorder import prediction_id as uuid7

HEADER = "X-Request-ID"
_NAME = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
"""What a client may call its request: it goes into headers and logs as it is."""


class RequestIds:
    """Names every request, as its client did in ``X-Request-ID``, or with a new UUID of version 7.

    The name stays set behind the answer: Starlette answers an unexpected error, and uvicorn logs it, outside of all
    middleware. A server has a context of its own for each request, so no other one sees it.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = _given(scope)
        if name is None:
            name = uuid7(time.time_ns() // 1_000)
        request_id.set(name)
        header = (_NAME, name.encode())

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
            await send(message)

        await self.app(scope, receive, sent)


def _given(scope: Scope) -> str | None:
    """What the client called it, if it is sane."""
    for name, value in scope["headers"]:
        if name == _NAME:
            return value.decode() if _SANE(value) else None
    return None
