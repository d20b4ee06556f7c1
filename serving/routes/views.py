"""``/v1/views``: what views there are, and their merged answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import View
from serving.answers.merged_answer import present
from serving.answers.selection import WAITING, ViewQueries, ViewQuery, parse, place_text
from serving.answers.staleness import staleness, staleness_now
from serving.answers.view_reading import ViewReader, is_quick
from serving.answers.waiting import until_asked, until_past
from serving.errors import NotFoundError
from serving.http import openapi
from serving.http.responses import answer_json, to_json
from serving.service import Service
from speed.tile_selection import Row

ANSWERED_BYTES = 16 * 2**20
"""A page has no more bytes of rows than this, but for a single row that has; `next` goes on behind them."""
_TOGETHER = 256
"""Rows are written so many at a time, to know in time how large they are."""


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes of this noun."""
    views = service.app.views
    queries_by_view = {name: ViewQueries(view) for name, view in views.items()}
    reader = ViewReader(service.speed, service.generations)

    def body_of(view: View, query: ViewQuery) -> bytes:
        reading = reader.read(view, query)
        rows, further = rows_json(view, reading.rows, query.group == "total", reading.next)
        answer = {
            "view": view.name,
            "rows": rows,
            **staleness(service, reading.publication, reading.cut),
        }
        if further is not None:
            answer["next"] = further
        return to_json(answer)

    @app.get(
        "/v1/views/{view}",
        tags=["views"],
        summary="Ask a view",
        openapi_extra={"parameters": _parameters(service)},
        responses=openapi.answers(200, "Rows in order of key and tile", _ROWS, 404, 422, 503, 504),
    )
    async def read_view(request: Request) -> Response:
        """The merged answer of a view: what the newest generation covers, and every event since."""
        name = request.path_params["view"]
        queries = queries_by_view.get(name)
        if queries is None:
            raise NotFoundError("view", name, views)
        query = queries.read(request.scope["query_string"])
        if query.after is not None:
            await until_past(service.speed, query.after, query.timeout_seconds)
        if is_quick(queries.view, query):
            body = body_of(queries.view, query)
        else:
            body = await run_in_threadpool(body_of, queries.view, query)
        return Response(body, media_type="application/json")

    @app.get(
        "/v1/views",
        tags=["views"],
        summary="List the views",
        openapi_extra={"parameters": [openapi.AFTER, openapi.TIMEOUT]},
        responses=openapi.answers(200, "Every view of the application", _VIEWS, 422, 504),
    )
    async def list_views(request: Request) -> Response:
        """What each view is: its stream, its key fields, its tiles and its aggregates."""
        await until_asked(service.speed, parse(request.scope["query_string"], WAITING))
        return answer_json({"views": [describe(view) for view in views.values()], **staleness_now(service)})


def rows_json(
    view: View, rows: Sequence[Row], total: bool, further: str | None, most_bytes: int = ANSWERED_BYTES
) -> tuple[orjson.Fragment, str | None]:
    """The rows as JSON, as many as have room but one at least, and where the next page begins."""
    lots = deque(rows[start : start + _TOGETHER] for start in range(0, len(rows), _TOGETHER))
    texts: list[bytes] = []
    shown, room = 0, most_bytes
    while lots:
        lot = lots.popleft()
        text = to_json(present(view, lot, total))[1:-1]
        if len(text) > room and len(lot) > 1:
            half = len(lot) // 2
            lots.extendleft((lot[half:], lot[:half]))
            continue
        if len(text) > room and texts:
            break
        texts.append(text)
        shown, room = shown + len(lot), room - len(text)
    if shown < len(rows):
        further = place_text(rows[shown - 1][:2])
    return orjson.Fragment(b"[%b]" % b",".join(texts)), further


def describe(view: View) -> dict[str, Any]:
    """What a view is, as JSON.

    Durations are in seconds; of an aggregate, `type` is that of its answer in SQL, and `error` the stated bound of a
    sketch, else null.
    """
    aggregates = {
        name: {
            "aggregate": type(aggregate).__name__,
            "field": aggregate.field,
            "type": aggregate.sql_type,
            "error": aggregate.error,
        }
        for name, aggregate in view.aggregates.items()
    }
    return {
        "view": view.name,
        "stream": view.of.name,
        "key_fields": view.key_fields,
        "tile_seconds": None if view.tile_us is None else view.tile_us / 1e6,
        "keep_seconds": None if view.keep_us is None else view.keep_us / 1e6,
        "aggregates": aggregates,
    }


def _parameters(service: Service) -> list[openapi.Schema]:
    """Those of ``GET /v1/views/{view}``; every key field of any view is one."""
    views = service.app.views
    names_by_field: dict[str, list[str]] = {}
    for view in views.values():
        for field in view.key_fields:
            names_by_field.setdefault(field, []).append(view.name)
    fields = [
        openapi.query(field, openapi.TEXT, f"Only this {field}. A key field of: {', '.join(names)}.")
        for field, names in names_by_field.items()
    ]
    return [openapi.path("view", openapi.names(views), "The name of the view."), *fields, *_WORDS]


_WORDS = [
    openapi.query("start", openapi.INSTANT, "Only tiles that overlap [start, end)."),
    openapi.query("end", openapi.INSTANT, "See start."),
    openapi.query(
        "last",
        {"type": "string", "pattern": "^[1-9][0-9]{0,8}(ms|s|m|h|d|w)$", "examples": ["24h"]},
        "Only tiles that overlap this long before end, or, without end, before the newest event.",
    ),
    openapi.query(
        "layer", {"type": "string", "enum": ["merged", "batch", "speed"], "default": "merged"}, "Which part answers."
    ),
    openapi.query(
        "group",
        {"type": "string", "enum": ["tile", "total"], "default": "tile"},
        "total merges the tiles of each key into one row, whose tile is null.",
    ),
    openapi.LIMIT,
    openapi.query("next", openapi.TEXT, "Go on where an answer ended: its next, as it was."),
    openapi.AFTER,
    openapi.TIMEOUT,
]
_ROW: openapi.Schema = {
    "type": "object",
    "description": "The key fields and aggregates by name, and the start of the tile.",
    "required": ["tile"],
    "properties": {"tile": openapi.or_null(openapi.INSTANT)},
}
_ROWS = openapi.record(
    {"view": openapi.TEXT, "rows": openapi.list_of(_ROW), **openapi.STALENESS}, {"next": openapi.TEXT}
)
_SECONDS = openapi.or_null({"type": "number"})
_VIEWS = openapi.record(
    {
        "views": openapi.list_of(
            openapi.record(
                {
                    "view": openapi.TEXT,
                    "stream": openapi.TEXT,
                    "key_fields": openapi.list_of(openapi.TEXT),
                    "tile_seconds": _SECONDS,
                    "keep_seconds": _SECONDS,
                    "aggregates": {"type": "object"},
                }
            )
        ),
        **openapi.STALENESS,
    }
)
