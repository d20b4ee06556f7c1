"""``/v1/models``: what models there are, how they do, and who is champion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import SYSTEM, Cut, Model
from eventlog.decisions import ModelPromoted, ModelRolledBack
from eventlog.errors import MalformedBodyError
from eventlog.intake.bodies import load_json
from eventlog.log import Append, Appended
from serving.answers.selection import WAITING, Parser, parse
from serving.answers.staleness import staleness_now
from serving.answers.waiting import until_asked, until_past
from serving.errors import NotFoundError
from serving.http import openapi
from serving.http.idempotency import Asked, IdempotentRequests, replayed
from serving.http.posting import SHORT_BODY_BYTES, appended, read_body
from serving.http.responses import answer_json
from serving.models.model_status import ModelDirectory
from serving.service import Service

_NOTHING: Mapping[str, Parser] = {}
_DECIDED_SECONDS = 60.0
"""How long to wait until the fold has met a decision."""


def add_routes(app: FastAPI, service: Service, models: ModelDirectory, requests: IdempotentRequests) -> None:
    """Add the routes of this noun."""
    path = openapi.path("model", openapi.names(service.app.models), "The name of the model.")
    one_at_a_time = asyncio.Lock()  # a decision is made in sight of the one before

    @app.get(
        "/v1/models",
        tags=["models"],
        summary="List the models",
        openapi_extra={"parameters": [openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "Every model of the application", _MODELS, 422, 503, 504),
    )
    async def list_models(request: Request) -> Response:
        """What each model is, its champion, and how its experts and their blend do."""
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        summaries = await run_in_threadpool(models.summaries)
        return answer_json({"models": summaries, **staleness_now(service)})

    @app.get(
        "/v1/models/{model}",
        tags=["models"],
        summary="Describe a model",
        openapi_extra={"parameters": [path, openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "The model", _MODEL, 404, 422, 503, 504),
    )
    async def read_model(request: Request) -> Response:
        """Its versions, the running scores of every expert and of the blend, and what went wrong."""
        model = model_of(service, request)
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        return answer_json(await run_in_threadpool(models.detail, model))

    @app.post(
        "/v1/models/{model}/promote",
        tags=["models"],
        summary="Promote a version",
        openapi_extra={"parameters": [path, openapi.IDEMPOTENCY_KEY], "requestBody": _PROMOTE},
        responses=openapi.answers(200, "It is the champion", _DECIDED, 400, 404, 409, 413, 415, 422, 503, 504),
    )
    async def promote(request: Request) -> Response:
        """Make a version the champion. It takes effect at its place in the log, which is `position`."""
        model = model_of(service, request)
        parse(request.scope["query_string"], _NOTHING)
        body = await read_body(request, SHORT_BODY_BYTES)
        version = _version(body)

        async def decide(asked: Asked) -> Response:
            async with one_at_a_time:
                previous = await run_in_threadpool(models.check_promotion, model, version)
                return await decided(ModelPromoted(model.name, version, previous), asked)

        return await requests.once(request, body, decide, in_force)

    @app.post(
        "/v1/models/{model}/rollback",
        tags=["models"],
        summary="Go back to the champion before, or to an earlier version",
        openapi_extra={
            "parameters": [path, openapi.IDEMPOTENCY_KEY],
            "requestBody": {**_PROMOTE, "required": False},
        },
        responses=openapi.answers(
            200, "The one before is the champion again", _DECIDED, 400, 404, 409, 413, 415, 422, 503, 504
        ),
    )
    async def roll_back(request: Request) -> Response:
        """Make an earlier version the champion again: the champion before the present one, or the one that is named."""
        model = model_of(service, request)
        parse(request.scope["query_string"], _NOTHING)
        body = await read_body(request, SHORT_BODY_BYTES)
        wanted = None if not body.strip() or load_json(body) == {} else _version(body)

        async def decide(asked: Asked) -> Response:
            async with one_at_a_time:
                version, previous = await run_in_threadpool(models.check_rollback, model, wanted)
                return await decided(ModelRolledBack(model.name, version, previous), asked)

        return await requests.once(request, body, decide, in_force)

    async def decided(decision: ModelPromoted | ModelRolledBack, asked: Asked) -> Response:
        """Write a decision into the log, and answer when the fold has met it: then it is in force."""

        def answer(done: Appended) -> Response:
            champions = {"champion": decision.version, "previous": decision.previous}
            return answer_json({"model": decision.model, **champions, "position": str(done.position)})

        append = Append(SYSTEM, [None], [None], [None], [orjson.dumps(decision.event())])
        done = await appended(service, asked.append(append, answer))
        await in_force(done.position)
        return answer(done) if done.told is None else replayed(done.told)

    async def in_force(position: Cut) -> None:
        await until_past(service.speed, position, _DECIDED_SECONDS)


def model_of(service: Service, request: Request) -> Model:
    """The model that the path names; raises `NotFoundError`."""
    name = request.path_params["model"]
    model = service.app.models.get(name)
    if model is None:
        raise NotFoundError("model", name, service.app.models)
    return model


def _version(body: bytes) -> int:
    """The version in a body."""
    value = load_json(body)
    version = value.get("version") if isinstance(value, dict) else None
    if type(version) is not int or value.keys() != {"version"}:
        raise MalformedBodyError('send {"version": n}, where n is one of the versions that GET /v1/models/… lists')
    return version


_PROMOTE: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {**openapi.record({"version": {"type": "integer"}}), "additionalProperties": False}
        }
    },
}
_VERSION_NUMBER = openapi.or_null({"type": "integer"})
_DECIDED = openapi.record(
    {
        "model": openapi.TEXT,
        "champion": _VERSION_NUMBER,
        "previous": _VERSION_NUMBER,
        "position": openapi.POSITION,
    }
)
_LOSS = openapi.or_null({"type": "number"})
_SCORES: openapi.Schema = {
    "type": "object",
    "description": "By expert, and for the blend: mean loss since the start and over the last examples.",
    "additionalProperties": openapi.record({"loss": _LOSS, "recent": _LOSS, "count": openapi.COUNT}),
}
_WEIGHTS: openapi.Schema = {"type": "object", "additionalProperties": {"type": "number"}}
_FACTS: dict[str, openapi.Schema] = {
    "model": openapi.TEXT,
    "stream": openapi.TEXT,
    "task": {"type": "string", "enum": ["regression", "binary", "multiclass"]},
    "metric": {"type": "string", "enum": ["squared_error", "absolute_error", "log_loss"]},
    "champion": _VERSION_NUMBER,
    "weights": _WEIGHTS,
    "scores": _SCORES,
}
_VERSION = openapi.record(
    {
        "version": {"type": "integer"},
        "generation": {"type": "integer"},
        "cut": openapi.POSITION,
        "rows": openapi.COUNT,
        "holdout": _LOSS,
        "status": {"type": "string", "enum": ["champion", "rejected", "retired"]},
        "candidate": openapi.TEXT,
    }
)
_UNTRAINED: openapi.Schema = {
    "type": "object",
    "description": "By candidate or step of the newest training that failed: why.",
    "additionalProperties": openapi.TEXT,
}
_ERRORS: openapi.Schema = {
    "type": "object",
    "description": "By expert of the speed layer that raised: how often, and what it raised last.",
    "additionalProperties": openapi.record({"count": openapi.COUNT, "last": openapi.TEXT}),
}
_MODELS = openapi.record(
    {
        "models": openapi.list_of(
            openapi.record(
                {
                    **_FACTS,
                    "versions": openapi.list_of(_VERSION),
                    "diverged": openapi.list_of(openapi.TEXT),
                    "failed": openapi.COUNT,
                    "alarms": openapi.COUNT,
                    "errors": {"type": "object", "additionalProperties": openapi.COUNT},
                    "untrained": _UNTRAINED,
                }
            )
        ),
        **openapi.STALENESS,
    }
)
_FAILURES = openapi.record(
    {
        "count": openapi.COUNT,
        "examples": openapi.list_of(openapi.record({"position": openapi.TEXT, "reason": openapi.TEXT})),
    }
)
_POINT = openapi.record(
    {
        "time": openapi.INSTANT,
        "at": openapi.or_null(openapi.POSITION),
        "count": openapi.COUNT,
        "loss": {"type": "object"},
        "weights": _WEIGHTS,
        "version": _VERSION_NUMBER,
    }
)
_MODEL = openapi.record(
    {
        **_FACTS,
        "blend": openapi.TEXT,
        "versions": openapi.list_of(_VERSION),
        "series": openapi.list_of(_POINT),
        "diverged": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "clipped": {"type": "object", "additionalProperties": openapi.COUNT},
        "failed": _FAILURES,
        "errors": _ERRORS,
        "untrained": _UNTRAINED,
        "labels": openapi.or_null({"type": "object"}),
        "alarms": openapi.list_of(openapi.record({"at": openapi.POSITION, "time": openapi.INSTANT})),
        "alarm_count": openapi.COUNT,
        "candidates": {"type": "object"},
        "skew": openapi.or_null({"type": "object"}),
        "schema": {"type": "object"},
        **openapi.STALENESS,
    }
)
