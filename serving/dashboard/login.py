"""The login: whoever knows the API key gets a cookie in its stead."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.dashboard.files import HEADERS
from serving.http.posting import read_body
from serving.http.session import COOKIE, DAYS, token_of

_MOST_BYTES = 16 * 1024
_WRONG = '<p class="wrong" role="alert">That is not the key of this service.</p>'


def add_routes(app: FastAPI, key: str, page: str) -> None:
    """Add ``/login`` and ``/logout``. Redirects are relative: a proxy may serve us below a path of its own."""

    def form(wrong: str, status: int) -> Response:
        text = page.replace("<!-- wrong -->", wrong)
        return Response(text, status, {**HEADERS, "Cache-Control": "no-store"}, "text/html; charset=utf-8")

    @app.get("/login", include_in_schema=False)
    async def show(request: Request) -> Response:
        return form("", 200)

    @app.post("/login", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        body = await read_body(request, _MOST_BYTES)
        given = parse_qs(body.decode(errors="replace"), keep_blank_values=True).get("key", [""])[0]
        if not hmac.compare_digest(given.strip().encode(), key.encode()):
            return form(_WRONG, 401)
        response = RedirectResponse("./", 303)
        response.set_cookie(
            COOKIE,
            token_of(key),
            max_age=DAYS * 86_400,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @app.post("/logout", include_in_schema=False)
    async def log_out(request: Request) -> Response:
        response = RedirectResponse("./login", 303)
        response.delete_cookie(COOKIE)
        return response
