"""Every error that a request can meet is told as a problem: which, what is wrong, and nothing of our insides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from anabranch import Cut
from anabranch.errors import AnabranchError
from batch.errors import CorruptGenerationError, GenerationError, LeaseHeldError
from eventlog.errors import LogUnavailableError
from serving import errors
from serving.http.problems import PROBLEM_BY_ERROR, install, problem_of
from serving.sql import errors as sql_errors


def subclasses(cls: type[Exception]) -> Iterator[type[Exception]]:
    for below in cls.__subclasses__():
        yield below
        yield from subclasses(below)


@pytest.mark.parametrize("base", [errors.ServingError, sql_errors.SqlError])
def test_every_error_of_the_serving_layer_has_a_problem_of_its_own(base: type[Exception]) -> None:
    leaves = [cls for cls in subclasses(base) if not cls.__subclasses__()]
    assert leaves
    assert [cls for cls in leaves if cls not in PROBLEM_BY_ERROR] == []


def test_kinds_are_told_apart_and_statuses_are_those_of_http() -> None:
    told = {(problem.kind, problem.status, problem.title) for problem in PROBLEM_BY_ERROR.values()}
    assert len({kind for kind, _, _ in told}) == len(told), "errors that share a kind are told as one"
    for problem in PROBLEM_BY_ERROR.values():
        assert 400 <= HTTPStatus(problem.status) < 600
        assert problem.kind == problem.kind.lower()
        assert " " not in problem.kind


@pytest.mark.parametrize(
    ("error", "status", "kind", "members"),
    [
        (errors.QueryError("limit", "is no number"), 422, "wrong-parameter", {"parameter": "limit"}),
        (errors.NotFoundError("view", "x", ["b", "a"]), 404, "not-found", {"known": ["a", "b"], "name": "x"}),
        (errors.NotFoundError("run", "x"), 404, "not-found", {"noun": "run"}),
        (errors.BodyTooLargeError(9), 413, "body-too-large", {"limit": 9}),
        (errors.FoldBehindError(Cut((9,)), Cut((3,)), 5), 504, "fold-behind", {"after": "0:9", "speed_cut": "0:3"}),
        (LeaseHeldError("host:1"), 409, "batch-running", {}),
        (GenerationError("gone"), 503, "generation-unreadable", {}),
        (LogUnavailableError("restarting"), 503, "log-unavailable", {}),
    ],
)
def test_a_problem_has_the_facts_of_its_error_for_programs(
    error: Exception, status: int, kind: str, members: dict[str, Any]
) -> None:
    answer = problem_of(error)
    content = orjson.loads(bytes(answer.body))
    assert (answer.status_code, content["type"]) == (status, f"urn:anabranch:problem:{kind}")
    assert content["detail"] == str(error)
    assert {name: content[name] for name in members} == members
    assert None not in content.values(), "what is not known is not told"


def test_an_error_is_told_as_its_nearest_class_in_the_table() -> None:
    answer = problem_of(CorruptGenerationError("its manifest", "it is missing"))
    assert orjson.loads(bytes(answer.body))["type"] == "urn:anabranch:problem:generation-unreadable"


class UnforeseenError(AnabranchError):
    """One of ours that stands in no table."""


def api() -> FastAPI:
    app = FastAPI()
    install(app)

    @app.get("/raise/{what}")
    def fail(what: str) -> None:
        raise {"ours": UnforeseenError("secret"), "bug": ZeroDivisionError("secret")}[what]

    @app.post("/thing")
    def post_thing() -> str:
        return "made"

    @app.get("/thing")
    def get_thing() -> str:
        return "found"

    return app


def ask(method: str, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path)

    return asyncio.run(asked())


@pytest.mark.parametrize("what", ["ours", "bug"])
def test_what_nobody_foresaw_tells_the_client_nothing_of_our_insides(what: str) -> None:
    answer = ask("GET", f"/raise/{what}")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:anabranch:problem:unexpected")
    assert "secret" not in answer.text
    assert "Error" not in answer.text


def test_an_unknown_path_and_an_unknown_method_say_what_there_is() -> None:
    unknown = ask("GET", "/nowhere")
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
    assert "/nowhere" in unknown.json()["detail"]
    wrong = ask("DELETE", "/thing")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    assert "takes GET, POST" in wrong.json()["detail"]
