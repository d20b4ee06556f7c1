"""A HEAD is answered as the GET of the same address would be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from serving.http.head_requests import HeadRequests


def passed(scope: dict[str, Any]) -> dict[str, Any]:
    """What the application behind it is asked for a scope."""
    seen: list[Any] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        return {}

    asyncio.run(HeadRequests(application)(scope, nothing, nothing))
    return dict(seen[0])


@pytest.mark.parametrize(
    ("kind", "method", "asked"),
    [("http", "HEAD", "GET"), ("http", "GET", "GET"), ("http", "POST", "POST"), ("http", "OPTIONS", "OPTIONS")],
)
def test_only_the_method_of_a_head_changes_and_only_for_who_answers(kind: str, method: str, asked: str) -> None:
    scope = {"type": kind, "method": method, "path": "/v1/views"}
    assert passed(scope) == {**scope, "method": asked}
    assert scope["method"] == method, "the server still knows to leave the body out"


def test_what_is_no_request_is_passed_on() -> None:
    assert passed({"type": "lifespan"}) == {"type": "lifespan"}
