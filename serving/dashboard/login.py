"""The login: whoever knows the API key gets a cookie in its stead, until the logout."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.dashboard.files import HEADERS
from serving.errors import WrongKeysError
from serving.http.auth import Entrance, address_of
from serving.http.posting import read_body
from serving.http.session import COOKIE, DAYS, token_in

_MOST_BYTES = 16 * 1024
_WRONG = '<p class="wrong" role="alert">That is not the key of this service.</p>'
_TOO_MANY = '<p class="wrong" role="alert">Too many wrong keys came from your address. Try again in {} s.</p>'


def add_routes(app: FastAPI, entrance: Entrance, page: str) -> None:
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
        refusal = entrance.refusal(given.strip().encode(), address_of(request.scope))
        if isinstance(refusal, WrongKeysError):
            response = form(_TOO_MANY.format(refusal.retry_seconds), 429)
            response.headers["Retry-After"] = str(refusal.retry_seconds)
            return response
        if refusal is not None:
            return form(_WRONG, 401)
        response = RedirectResponse("./", 303)
        response.set_cookie(
            COOKIE,
            entrance.sessions.begin(),
            max_age=DAYS * 86_400,
            httponly=True,
            samesite="strict",
            secure=_is_secure(request),
        )
        return response

    @app.post("/logout", include_in_schema=False)
    async def log_out(request: Request) -> Response:
        for header in request.headers.getlist("cookie"):
            token = token_in(header.encode("latin-1"))
            if token is not None:
                entrance.sessions.end(token)
        response = RedirectResponse("./login", 303)
        response.delete_cookie(COOKIE)
        return response


def _is_secure(request: Request) -> bool:
    """Whether the browser came by TLS, as far as a proxy tells: who lies here harms the own cookie alone."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower())
