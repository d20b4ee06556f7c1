"""HEAD wherever there is GET (RFC 9110, section 9.3.2): load balancers and `curl -I` ask so."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadRequests:
    """Lets a HEAD be answered like a GET; the server sends the head of the answer alone."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server goes by its own, and leaves the body out
        await self.app(scope, receive, send)
