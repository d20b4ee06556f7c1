"""``/v1/batch/runs``: the batch runs, and starting one."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import SYSTEM
from anabranch.instant import iso
from eventlog.errors import LogUnavailableError, MalformedBodyError
from eventlog.intake.bodies import load_json
from eventlog.log import Append, Appended
from eventlog.registry.runs import Run
from serving.answers.selection import PAGING_LIMIT, WAITING, Parser, boolean, parse
from serving.answers.waiting import until_asked
from serving.errors import NotFoundError
from serving.http import openapi
from serving.http.idempotency import Asked, IdempotentRequests, replayed
from serving.http.posting import SHORT_BODY_BYTES, appended, read_body
from serving.http.responses import answer_json
from serving.service import Service

logger = logging.getLogger(__name__)
_LIST: dict[str, Parser] = {"limit": PAGING_LIMIT, "next": str, **WAITING}
_START: dict[str, Parser] = {"full": boolean}
_LIMIT_DEFAULT = 100
ANSWERED_RUNS = 1_000
"""No page has more, whatever its limit: a run may have kilobytes to tell of every model."""
_FULL: openapi.Schema = {"type": "boolean", "default": False}
_WANTED: openapi.Schema = {"type": "object", "properties": {"full": _FULL}, "additionalProperties": False}


def add_routes(app: FastAPI, service: Service, requests: IdempotentRequests) -> None:
    """Add the routes of this noun."""

    @app.get(
        "/v1/batch/runs",
        tags=["batch"],
        summary="List the batch runs",
        openapi_extra={"parameters": [openapi.LIMIT, _NEXT, openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "The newest first", _RUNS, 404, 422, 503, 504),
    )
    async def list_runs(request: Request) -> Response:
        """The batch runs, the newest first; a page has 1,000 at most."""
        parameters = parse(request.scope["query_string"], _LIST)
        await until_asked(service.speed, parameters)
        limit = min(parameters.get("limit", _LIMIT_DEFAULT), ANSWERED_RUNS)
        return answer_json(await run_in_threadpool(page, limit, parameters.get("next")))

    def page(limit: int, behind: str | None) -> dict[str, Any]:
        last = None if behind is None else service.runs.get(behind)
        if behind is not None and last is None:
            raise NotFoundError("batch run", behind)
        runs = service.runs.list(limit + 1, before=None if last is None else (last.started, last.id))
        shown = [describe(run, service.clock()) for run in runs[:limit]]
        return {"runs": shown, "next": runs[limit - 1].id if len(runs) > limit else None}

    @app.post(
        "/v1/batch/runs",
        status_code=202,
        tags=["batch"],
        summary="Start a batch run",
        openapi_extra={
            "parameters": [openapi.query("full", _FULL, "Recompute everything."), openapi.IDEMPOTENCY_KEY],
            "requestBody": {"required": False, "content": {"application/json": {"schema": _WANTED}}},
        },
        responses=openapi.answers(
            202, "It goes on; location shows its progress", _STARTED, 400, 409, 413, 415, 422, 503
        ),
    )
    async def start_run(request: Request) -> Response:
        """Start a batch run in a process of its own. There is one at a time."""
        full = parse(request.scope["query_string"], _START).get("full", False)
        body = await read_body(request, SHORT_BODY_BYTES)
        wanted = _wanted(body)

        async def start(asked: Asked) -> Response:
            run = await run_in_threadpool(service.start_batch, full or wanted)
            location = f"/v1/batch/runs/{run}"

            def answer(done: Appended | None = None) -> Response:
                return answer_json({"run": run, "location": location}, 202, {"Location": location})

            if asked.key is None:
                return answer()
            # A run is a process of its own and ends with this one: what is killed before this commit has started none.
            try:
                done = await appended(service, asked.append(Append(SYSTEM, [], [], [], []), answer))
            except LogUnavailableError as error:  # it is at work all the same, and one at a time is
                logger.warning("the Idempotency-Key of batch run %s is not remembered: %s", run, error)
                return answer()
            return answer() if done.told is None else replayed(done.told)

        return await requests.once(request, body, start)

    @app.get(
        "/v1/batch/runs/{run}",
        tags=["batch"],
        summary="Watch a batch run",
        openapi_extra={"parameters": [openapi.path("run", openapi.TEXT, "Its id."), openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "The run as it is now", _RUN, 404, 422, 503, 504),
    )
    async def read_run(request: Request) -> Response:
        """A batch run, with live progress by stage."""
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        name = request.path_params["run"]
        run = await run_in_threadpool(service.runs.get, name)
        if run is None:
            raise NotFoundError("batch run", name)
        return answer_json(describe(run, service.clock()))


def _wanted(body: bytes) -> bool:
    """Whether a body asks for a full run."""
    value = load_json(body) if body.strip() else {}
    full = value.get("full", False) if isinstance(value, dict) else None
    if type(full) is not bool or value.keys() - {"full"}:
        raise MalformedBodyError('send no body, or {"full": true} to have everything recomputed')
    return full


def describe(run: Run, now: int) -> dict[str, Any]:
    """A run as JSON; `seconds` grows until it is finished."""
    return {
        "run": run.id,
        "status": run.status,
        "full": run.full,
        "started": iso(run.started),
        "finished": None if run.finished is None else iso(run.finished),
        "seconds": round(((now if run.finished is None else run.finished) - run.started) / 1e6, 3),
        "cut": None if run.cut is None else str(run.cut),
        "generation": run.generation,
        "stage": run.stage,
        "stages": run.stages,
        "error": run.error,
        "events": run.events,
        "models": run.report,
        "problems": run.problems,
    }


_RUN = openapi.record(
    {
        "run": openapi.TEXT,
        "status": {"type": "string", "enum": ["running", "published", "failed", "abandoned"]},
        "full": {"type": "boolean"},
        "started": openapi.INSTANT,
        "finished": openapi.or_null(openapi.INSTANT),
        "seconds": {"type": "number"},
        "cut": openapi.or_null(openapi.POSITION),
        "generation": openapi.or_null({"type": "integer"}),
        "stage": openapi.or_null(openapi.TEXT),
        "stages": openapi.list_of({"type": "object"}),
        "error": openapi.or_null(openapi.TEXT),
        "events": openapi.or_null(openapi.COUNT),
        "models": {"type": "object", "additionalProperties": {"type": "object"}},
        "problems": openapi.list_of(openapi.TEXT),
    }
)
_NEXT = openapi.query("next", openapi.TEXT, "Go on where an answer ended: its next, the id of its last run.")
_RUNS = openapi.record({"runs": openapi.list_of(_RUN), "next": openapi.or_null(openapi.TEXT)})
_STARTED = openapi.record({"run": openapi.TEXT, "location": openapi.TEXT})
