"""``/v1/streams/{stream}/events``: posting events, and reading the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import Cut, Stream
from serving.answers.log_browsing import browse, events_json
from serving.answers.selection import LIMIT_DEFAULT, PAGING_LIMIT, Parser, parse
from serving.http import openapi
from serving.http.idempotency import Asked, IdempotentRequests
from serving.http.posting import POSTED, admitted, answer_posted, headers_of, read_body
from serving.http.request_memory import Share
from serving.metrics.request_metrics import RequestMetrics
from serving.routes.streams import stream_of
from serving.service import Service

_NOTHING: dict[str, Parser] = {}


def add_routes(app: FastAPI, service: Service, metrics: RequestMetrics, requests: IdempotentRequests) -> None:
    """Add the routes of this noun."""
    path = openapi.path("stream", openapi.names(service.app.streams), "The name of the stream.")

    @app.post(
        "/v1/streams/{stream}/events",
        status_code=201,
        tags=["streams"],
        summary="Post events",
        openapi_extra={"parameters": [path, openapi.IDEMPOTENCY_KEY], "requestBody": _bodies(service)},
        responses={
            **openapi.answers(201, "All were accepted; they are durable", POSTED, 400, 404, 413, 415, 422, 503),
            207: {
                "description": "Some were rejected: they wait at …/rejected",
                "content": {"application/json": {"schema": POSTED}},
            },
        },
    )
    async def post_events(request: Request) -> Response:
        """Append events. They are durable when this answers; an id that is in the log already is a duplicate.

        Rejected events are kept with their errors, and can be retried. 422 also means that the body as a whole could
        not be read; then nothing was stored.
        """
        stream = stream_of(service, request)
        parse(request.scope["query_string"], _NOTHING)
        with Share(service.memory) as share:
            body = await read_body(request, service.limits.max_body_bytes, share.take)

            async def post(asked: Asked) -> Response:
                admission = await admitted(service, stream, headers_of(request), body, share)
                # in one commit: an event that is told to be rejected is never lost, and none is kept twice after a 503
                refused = [(event.body, event.errors) for event in admission.rejected]
                append = replace(admission.append, refused=refused) if refused else admission.append
                return await answer_posted(service, metrics, stream, admission, append, asked)

            return await requests.once(request, body, post)

    @app.get(
        "/v1/streams/{stream}/events",
        tags=["streams"],
        summary="Read the log",
        openapi_extra={"parameters": [path, _AFTER, openapi.LIMIT]},
        responses=openapi.answers(200, "Events in the order of the log", _EVENTS, 404, 422, 503),
    )
    async def read_events(request: Request) -> Response:
        """The events of a stream, in the order of the log. Go on with `next` until it stays the same."""
        stream = stream_of(service, request)
        values = parse(request.scope["query_string"], _PARAMETERS)
        body = await run_in_threadpool(
            _page, service, stream, values.get("after", Cut()), values.get("limit", LIMIT_DEFAULT)
        )
        return Response(body, media_type="application/json")


def _page(service: Service, stream: Stream, after: Cut, limit: int) -> bytes:
    segments, further = browse(service.log, stream.name, after, limit)
    events = [event for segment in segments for event in events_json(segment)]
    return orjson.dumps({"events": events, "next": str(further)})


def position(text: str) -> Cut:
    """A parser of positions in a log of one partition."""
    cut = Cut.parse(text)
    if len(cut.offsets) > 1:
        raise ValueError(f"{text!r} names {len(cut.offsets)} partitions; this log has one, like '0:1234'")
    return cut


def _bodies(service: Service) -> dict[str, Any]:
    """The body kinds, the events of every stream described."""
    schemas = [stream.model.__name__ for stream in service.app.streams.values()]
    event = {"type": "object", "description": f"An event: {', '.join(schemas)}; see GET /v1/streams."}
    cloud = {"type": "object", "description": "A CloudEvent, the event as its data."}
    text = {"type": "string"}
    kinds: dict[str, Any] = {
        "application/json": {"anyOf": [event, {"type": "array", "items": event}]},
        "application/x-ndjson": {**text, "description": "One event a line."},
        "application/vnd.apache.arrow.stream": {**text, "format": "binary", "description": "One event a row."},
        "application/cloudevents+json": cloud,
        "application/cloudevents-batch+json": {"type": "array", "items": cloud},
    }
    return {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds.items()}}


_PARAMETERS: dict[str, Parser] = {"after": position, "limit": PAGING_LIMIT}
_AFTER = openapi.query("after", {**openapi.POSITION, "default": "0:0"}, "The position to read from.")
_EVENTS = openapi.record(
    {
        "events": openapi.list_of(
            openapi.record(
                {
                    "partition": openapi.COUNT,
                    "offset": openapi.COUNT,
                    "time": openapi.INSTANT,
                    "appended": openapi.INSTANT,
                    "key": openapi.or_null(openapi.TEXT),
                    "id": openapi.or_null(openapi.TEXT),
                    "data": {"type": "object"},
                }
            )
        ),
        "next": openapi.POSITION,
    }
)
