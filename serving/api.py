"""The API: every route, behind the key, with problems for errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from serving import dashboard
from serving.http import problems
from serving.http.auth import ApiKey, Entrance, SameSite
from serving.http.head_requests import HeadRequests
from serving.http.hosts import OwnNames
from serving.http.idempotency import IdempotentRequests
from serving.http.lean_routes import LeanRoute
from serving.http.request_ids import RequestIds
from serving.http.session import Sessions
from serving.metrics.batch_metrics import BatchMetrics
from serving.metrics.connection_metrics import ConnectionMetrics
from serving.metrics.model_metrics import ModelMetrics
from serving.metrics.request_metrics import RequestMeter, RequestMetrics
from serving.metrics.state_metrics import StateMetrics
from serving.models.model_status import ModelDirectory
from serving.routes import batch, events, health, models, predictions, rejected, sql, streams, views
from serving.service import Service

VERSION = "0.1.0"
_DESCRIPTION = """Events are posted to an append-only log; views answer with what the batch layer has covered merged
with every event since; models with a blend of what the batch layer trained and what the speed layer has learnt since.
Errors are `application/problem+json` (RFC 9457)."""


def create_api(service: Service, ended: Mapping[str, int] | None = None) -> FastAPI:
    """The ASGI application that serves `service`. It starts nothing and ends nothing.

    Parameters
    ----------
    service
        What is served.
    ended
        How many connections the server ended, by reason: it refuses some before there is a request.
    """
    app = FastAPIOffline(
        redoc_url=None,
        title=f"Anabranch: {service.app.name}",
        version=VERSION,
        description=_DESCRIPTION,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.route_class = LeanRoute
    app.router.redirect_slashes = False
    metrics = RequestMetrics()
    metrics.register(StateMetrics(service))
    metrics.register(BatchMetrics(service))
    metrics.register(ConnectionMetrics(ended or {}))
    directory = ModelDirectory(service)
    model_metrics = ModelMetrics(service, directory)
    metrics.register(model_metrics)
    requests = IdempotentRequests(service.log)
    events.add_routes(app, service, metrics, requests)  # the busiest first: routes are tried in order
    predictions.add_routes(app, service, metrics, model_metrics, requests)
    views.add_routes(app, service)
    models.add_routes(app, service, directory, requests)
    streams.add_routes(app, service)
    rejected.add_routes(app, service, metrics, requests)
    batch.add_routes(app, service, requests)
    if service.sql is not None:
        sql.add_routes(app, service, service.sql)
    health.add_routes(app, service, metrics)
    entrance = _entrance(service)
    dashboard.add_routes(app, service, directory, entrance)
    problems.install(app)
    app.add_middleware(HeadRequests)
    if entrance is not None:
        app.add_middleware(ApiKey, entrance=entrance)
        _document_key(app)
    app.add_middleware(SameSite)
    if service.served_names is not None:
        app.add_middleware(OwnNames, served=service.served_names)
    app.add_middleware(RequestMeter, metrics=metrics)
    app.add_middleware(RequestIds)
    return app


def _entrance(service: Service) -> Entrance | None:
    """Who is let in; None: everybody."""
    if service.api_key is None:
        return None
    return Entrance(service.api_key, Sessions(service.api_key, service.sessions_file, service.clock))


def _document_key(app: FastAPI) -> None:
    """Say in the OpenAPI document that the key is needed, so that /docs asks for it."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it
