"""Routes without overhead: run as they are, in the loop or beside it, and their errors told as all others are."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from serving.errors import QueryError
from serving.http.lean_routes import LeanRoute
from serving.http.problems import install

router = APIRouter(route_class=LeanRoute)


@router.get("/in-the-loop/{name}")
async def in_the_loop(request: Request) -> Response:
    """Answered at once."""
    return PlainTextResponse(f"{request.path_params['name']} {threading.get_ident()}")


@router.get("/beside-it")
def beside_it(request: Request) -> Response:
    """Asks the database."""
    return PlainTextResponse(f"{request.query_params['q']} {threading.get_ident()}")


@router.get("/wrong/{how}")
async def wrong(request: Request) -> Response:
    """Raises."""
    raise QueryError("how", request.path_params["how"])


@pytest.fixture
def api() -> FastAPI:
    app = FastAPI()
    install(app)
    app.include_router(router)
    return app


def ask(app: FastAPI, path: str) -> tuple[httpx.Response, int]:
    """The answer, and the thread of the loop."""

    async def asked() -> tuple[httpx.Response, int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path), threading.get_ident()

    return asyncio.run(asked())


def test_only_what_waits_for_something_takes_a_thread_of_its_own(api: FastAPI) -> None:
    answer, loop = ask(api, "/in-the-loop/x")
    assert answer.text == f"x {loop}"
    answer, loop = ask(api, "/beside-it?q=y")
    text, thread = answer.text.split()
    assert text == "y"
    assert int(thread) != loop


def test_what_an_endpoint_raises_is_told_as_a_problem(api: FastAPI) -> None:
    answer, _ = ask(api, "/wrong/nearly")
    assert (answer.status_code, answer.json()["problem"]) == (422, "nearly")


def test_it_is_described_as_every_other_route(api: FastAPI) -> None:
    assert api.openapi()["paths"]["/beside-it"]["get"]["description"] == "Asks the database."
