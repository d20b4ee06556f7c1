"""Routes without overhead.

FastAPI's machinery for parameters costs more than answering from a view does. A lean route is documented by FastAPI
and run as it is: its endpoint takes the request and returns the response. An endpoint that is not ``async`` runs in a
thread, which is what those that ask the database want. What it raises goes to the application's exception handlers.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class LeanRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.app = _answering(self.endpoint)


def _answering(endpoint: Callable[[Request], Any]) -> ASGIApp:
    direct = iscoroutinefunction(endpoint)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await endpoint(request) if direct else await run_in_threadpool(endpoint, request)
        await response(scope, receive, send)

    return answer
