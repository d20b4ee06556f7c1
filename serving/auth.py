"""The API key."""

from __future__ import annotations

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import UnauthorizedError
from serving.problems import problem_of

OPEN_PATHS = frozenset({"/healthz"})


class ApiKey:
    """Lets requests pass that carry the key; ``/healthz`` needs none.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS and not self._is_known(scope):
            await problem_of(UnauthorizedError())(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(_normal(given[0]), self._wanted)


def _normal(value: bytes) -> bytes:
    """The header's value, its scheme spelt as we do: schemes may be written in any case."""
    scheme, _, credentials = value.partition(b" ")
    return (b"Bearer " if scheme.lower() == b"bearer" else scheme + b" ") + credentials.strip()
