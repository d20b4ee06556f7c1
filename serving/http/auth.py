"""Who may ask: those who know the API key, and no page of another site in their name."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import CrossSiteError, ServingError, UnauthorizedError, WrongKeysError
from serving.http.problems import problem_of
from serving.http.session import Sessions, token_in
from serving.http.wrong_keys import WrongKeys

OPEN_PATHS = frozenset({"/healthz", "/login", "/logout"})
OPEN_FOLDER = "/dashboard/"
"""The files of the dashboard hold no data; the login page needs some of them. Its snapshot is no file."""
PAGES = frozenset({"/", "/docs"})
_SNAPSHOT = "/dashboard/snapshot"


class Entrance:
    """Knows the API key, and who has a session in its stead.

    Parameters
    ----------
    key
        The key; compared in constant time.
    sessions
        Who is logged in.
    wrong_keys
        The brake on those who guess the key; None: one of its own.
    """

    def __init__(self, key: str, sessions: Sessions, wrong_keys: WrongKeys | None = None):
        self._key = key.encode()
        self.sessions = sessions
        self._wrong_keys = wrong_keys or WrongKeys()

    def refusal(self, given: bytes | None, address: str) -> UnauthorizedError | WrongKeysError | None:
        """What to answer to who gave this from there (None: nothing that could be a key); None: it is the key."""
        wait_seconds = self._wrong_keys.wait_seconds(address)
        if wait_seconds and not self._wrong_keys.is_proved(address):
            return WrongKeysError(wait_seconds)
        if given is not None and hmac.compare_digest(given, self._key):
            self._wrong_keys.prove(address)
            return None
        self._wrong_keys.count(address)
        return WrongKeysError(wait_seconds) if wait_seconds else UnauthorizedError()


class ApiKey:
    """Lets requests pass that carry the key, or the cookie of a session; some paths need neither.

    A browser that asks for a page without them is sent to the login.

    Parameters
    ----------
    app
        What is protected.
    entrance
        What knows the key.
    """

    def __init__(self, app: ASGIApp, entrance: Entrance):
        self.app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_open(scope["path"]):
            refusal = self._refusal(scope)
            if refusal is not None:
                answer = RedirectResponse("login", 303) if _is_visit(scope) else problem_of(refusal)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServingError | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if given:
            return self._entrance.refusal(_bearer(given[0]) if len(given) == 1 else None, address_of(scope))
        tokens = [token_in(value) for name, value in scope["headers"] if name == b"cookie"]
        if any(token is not None and self._entrance.sessions.include(token) for token in tokens):
            return None
        return UnauthorizedError()  # not counted: pages of a session that has ended go on to ask for a while


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


def address_of(scope: Scope) -> str:
    """Where a request comes from, as far as we can know: behind a proxy it is the proxy's address."""
    client = scope.get("client")
    return client[0] if client else ""


def _bearer(value: bytes) -> bytes | None:
    """The key in a header; None: it is of another scheme. Schemes may be written in any case."""
    scheme, _, credentials = value.partition(b" ")
    return credentials.strip() if scheme.lower() == b"bearer" else None
