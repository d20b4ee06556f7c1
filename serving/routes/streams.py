"""``/v1/streams``: what streams there are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.errors import PydanticInvalidForJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import Stream
from serving.answers.selection import WAITING, parse
from serving.answers.staleness import staleness_now
from serving.answers.waiting import until_asked
from serving.errors import NotFoundError
from serving.http import openapi
from serving.http.responses import answer_json
from serving.service import Service


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes of this noun."""
    schemas = {name: _schema(stream) for name, stream in service.app.streams.items()}

    def describe(stream: Stream, events: int) -> dict[str, Any]:
        letters = service.dead_letters.totals(stream.name)
        return {
            "stream": stream.name,
            "schema": schemas[stream.name],
            "id": stream.id,
            "key": stream.key,
            "time": stream.time,
            "views": [view.name for view in service.app.views_of(stream.name)],
            "events": events,
            "rejected": letters.waiting,
            "rejected_dropped": letters.dropped,
        }

    def all_streams() -> Response:
        counts = service.counts()
        streams = [describe(stream, counts.get(name, 0)) for name, stream in service.app.streams.items()]
        return answer_json({"streams": streams, **staleness_now(service)})

    def one_stream(stream: Stream) -> Response:
        return answer_json({**describe(stream, service.counts().get(stream.name, 0)), **staleness_now(service)})

    @app.get(
        "/v1/streams",
        tags=["streams"],
        summary="List the streams",
        openapi_extra={"parameters": [openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "Every stream of the application", _STREAMS, 422, 503, 504),
    )
    async def list_streams(request: Request) -> Response:
        """The schema of each stream, how many events it has, and how many wait among the rejected.

        An event that was retracted counts: the log keeps it, though nothing is made of it any more.
        """
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        return await run_in_threadpool(all_streams)

    @app.get(
        "/v1/streams/{stream}",
        tags=["streams"],
        summary="Describe a stream",
        openapi_extra={
            "parameters": [
                openapi.path("stream", openapi.names(service.app.streams), "The name of the stream."),
                openapi.AFTER,
                openapi.TIMEOUT,
            ]
        },
        responses=openapi.answers(200, "The stream", _STREAM, 404, 422, 503, 504),
    )
    async def read_stream(request: Request) -> Response:
        """The schema of a stream, how many events it has, and how many wait among the rejected."""
        stream = stream_of(service, request)
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        return await run_in_threadpool(one_stream, stream)


def stream_of(service: Service, request: Request) -> Stream:
    """The stream that the path names; the system's own is none of them.

    Raises
    ------
    NotFoundError
        If the application has no such stream.
    """
    name = request.path_params["stream"]
    stream = service.app.streams.get(name)
    if stream is None:
        raise NotFoundError("stream", name, service.app.streams)
    return stream


def _schema(stream: Stream) -> dict[str, Any]:
    try:
        return stream.model.model_json_schema()
    except PydanticInvalidForJsonSchema as error:  # a type of the user's own that JSON schema has no word for
        return {"title": stream.model.__name__, "description": f"No JSON schema: {error}"}


_FACTS: dict[str, openapi.Schema] = {
    "stream": openapi.TEXT,
    "schema": {"type": "object"},
    "id": openapi.or_null(openapi.TEXT),
    "key": openapi.or_null(openapi.TEXT),
    "time": openapi.or_null(openapi.TEXT),
    "views": openapi.list_of(openapi.TEXT),
    "events": openapi.COUNT,
    "rejected": openapi.COUNT,
    "rejected_dropped": openapi.COUNT,
}
_STREAM = openapi.record({**_FACTS, **openapi.STALENESS})
_STREAMS = openapi.record({"streams": openapi.list_of(openapi.record(_FACTS)), **openapi.STALENESS})
