"""Who may ask: those who know the API key, and no page of another site in their name."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import CrossSiteError, UnauthorizedError
from serving.http.problems import problem_of
from serving.http.session import token_in, token_of

OPEN_PATHS = frozenset({"/healthz", "/login", "/logout"})
OPEN_FOLDER = "/dashboard/"
"""The files of the dashboard hold no data; the login page needs some of them. Its snapshot is no file."""
PAGES = frozenset({"/", "/docs"})
_SNAPSHOT = "/dashboard/snapshot"


class ApiKey:
    """Lets requests pass that carry the key, or the cookie that the login made of it; some paths need neither.

    A browser that asks for a page without them is sent to the login.

    Parameters
    ----------
    app
        What is protected.
    key
        The key; compared in constant time.
    """

    def __init__(self, app: ASGIApp, key: str):
        self.app = app
        self._wanted = b"Bearer " + key.encode()
        self._token = token_of(key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known(scope) and not _is_open(scope["path"]):
            answer = RedirectResponse("login", 303) if _is_visit(scope) else problem_of(UnauthorizedError())
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if given:
            return len(given) == 1 and hmac.compare_digest(_normal(given[0]), self._wanted)
        tokens = [token_in(value) for name, value in scope["headers"] if name == b"cookie"]
        return any(token is not None and hmac.compare_digest(token.encode(), self._token.encode()) for token in tokens)


class SameSite:
    """Refuses what a page of another site has a browser do: it could start runs and roll models back unseen.

    Browsers say in ``Sec-Fetch-Site`` who asks; other clients send no such header. Reading needs no guard, as the
    other page never sees an answer.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for name, value in scope["headers"]:
                if name == b"sec-fetch-site" and value not in (b"same-origin", b"none"):
                    await problem_of(CrossSiteError())(scope, receive, send)
                    return
        await self.app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or (path.startswith(OPEN_FOLDER) and path != _SNAPSHOT)


def _is_visit(scope: Scope) -> bool:
    """Whether a person opens one of the pages."""
    return scope["path"] in PAGES and "text/html" in Headers(scope=scope).get("accept", "")


def _normal(value: bytes) -> bytes:
    """The header's value, its scheme spelt as we do: schemes may be written in any case."""
    scheme, _, credentials = value.partition(b" ")
    return (b"Bearer " if scheme.lower() == b"bearer" else scheme + b" ") + credentials.strip()
