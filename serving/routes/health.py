"""``/healthz``, ``/readyz`` and ``/metrics``: for those who watch over the service."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from eventlog.errors import LogUnavailableError
from serving.answers.staleness import staleness_now
from serving.http import openapi
from serving.http.responses import answer_json, answer_problem
from serving.metrics.request_metrics import CONTENT_TYPE, RequestMetrics
from serving.service import Service


def add_routes(app: FastAPI, service: Service, metrics: RequestMetrics) -> None:
    """Add the routes of this noun."""

    @app.get(
        "/healthz",
        tags=["health"],
        summary="Is it alive?",
        responses=openapi.answers(200, "It is", openapi.record({"alive": {"type": "boolean"}})),
    )
    async def healthz(request: Request) -> Response:
        """Answers as long as the process does; needs no API key."""
        return answer_json({"alive": True})

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Is it ready?",
        responses=openapi.answers(200, "The fold has caught up and goes on", _READY, 503),
    )
    def readyz(request: Request) -> Response:
        """Whether the fold has caught up with the log as it was at the start, and goes on without trouble."""
        facts = staleness_now(service)
        problem, log_end = _trouble(service)
        if problem is not None:
            return answer_problem(
                503, "not-ready", "Not ready", problem, {"Retry-After": "1"}, ready=False, log_end=log_end, **facts
            )
        return answer_json({"ready": True, "log_end": log_end, **facts})

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Prometheus metrics",
        responses={
            **openapi.answers(200, "", {}),
            200: {"description": "Prometheus text", "content": {"text/plain": {"schema": openapi.TEXT}}},
        },
    )
    def read_metrics(request: Request) -> Response:
        """Everything that is counted and measured, as Prometheus text."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _trouble(service: Service) -> tuple[str | None, str | None]:
    """What keeps the service from being ready, and the end of the log, each if there is one."""
    speed = service.speed
    try:
        end = str(service.log.end())
    except LogUnavailableError as error:
        return str(error), None
    if service.log.misfit is not None:
        return str(service.log.misfit), end
    if speed.trouble is not None:
        return speed.trouble, end
    if not speed.caught_up:
        return f"The fold is catching up: it is at {speed.cut}, the log ends at {end}", end
    return None, end


_FACTS: dict[str, Any] = {"log_end": openapi.POSITION, **openapi.STALENESS}
_READY = openapi.record({"ready": {"type": "boolean"}, **_FACTS})
