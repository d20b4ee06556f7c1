"""``/v1/streams/{stream}/rejected``: events that were refused, and retrying them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from anabranch import Stream
from anabranch.instant import iso
from eventlog.log import Append
from eventlog.registry.dead_letters import DeadLetter
from eventlog.registry.letter_keeping import Retry
from serving.answers.selection import PAGING_LIMIT, Parser, parse, whole
from serving.errors import AlreadyRetriedError, NotFoundError
from serving.http import openapi
from serving.http.idempotency import Asked, IdempotentRequests
from serving.http.posting import POSTED, admitted, answer_posted
from serving.http.request_memory import Share
from serving.http.responses import answer_json
from serving.metrics.request_metrics import RequestMetrics
from serving.routes.streams import stream_of
from serving.service import Service

_LIMIT_DEFAULT = 1_000
ANSWERED_BYTES = 16 * 2**20
"""A page has no more bytes of bodies and errors than this, but for a single letter that has."""
_ID_MOST = 2**63 - 1
_PARAMETERS: dict[str, Parser] = {"after": whole(0, _ID_MOST), "limit": PAGING_LIMIT}
_HEADERS = {"content-type": "application/json"}


def add_routes(app: FastAPI, service: Service, metrics: RequestMetrics, requests: IdempotentRequests) -> None:
    """Add the routes of this noun."""
    path = openapi.path("stream", openapi.names(service.app.streams), "The name of the stream.")
    one_at_a_time = asyncio.Lock()  # two retries of the same event must not both append it

    @app.get(
        "/v1/streams/{stream}/rejected",
        tags=["streams"],
        summary="List rejected events",
        openapi_extra={"parameters": [path, _AFTER, openapi.LIMIT]},
        responses=openapi.answers(200, "In the order they came", _REJECTED, 404, 422, 503),
    )
    def list_rejected(request: Request) -> Response:
        """The events of a stream that were refused and wait for a retry, with their errors.

        Identical ones are one entry with a `count`; those that had to make room are counted in `dropped`. A page may
        end before `limit` where events are large: go on with `next`.
        """
        stream = stream_of(service, request)
        values = parse(request.scope["query_string"], _PARAMETERS)
        limit = values.get("limit", _LIMIT_DEFAULT)
        after = values.get("after", 0)
        page = service.dead_letters.list(stream.name, after, limit, retried=False, most_bytes=ANSWERED_BYTES)
        more = bool(page) and bool(service.dead_letters.list(stream.name, page[-1].id, 1, retried=False))
        content = {
            "rejected": [describe(letter) for letter in page],
            "next": page[-1].id if more else None,
            "dropped": service.dead_letters.totals(stream.name).dropped,
        }
        return answer_json(content)

    @app.post(
        "/v1/streams/{stream}/rejected/{id}/retry",
        tags=["streams"],
        summary="Retry a rejected event",
        openapi_extra={"parameters": [path, _ID, openapi.IDEMPOTENCY_KEY]},
        responses=openapi.answers(200, "It was accepted, or is a duplicate", POSTED, 400, 404, 409, 413, 415, 422, 503),
    )
    async def retry(request: Request) -> Response:
        """Validate a rejected event again, by the definitions of today. If it is still wrong it stays where it is.

        Where it stands for several identical ones of a stream without an id, all are appended, as many in one request
        as one may post; what is left can be retried again.
        """
        stream = stream_of(service, request)

        async def post_again(asked: Asked) -> Response:
            async with one_at_a_time:
                letter = await run_in_threadpool(_letter, service, stream.name, request.path_params["id"])
                with Share(service.memory) as share:
                    admission = await admitted(service, stream, _HEADERS, letter.body, share)
                    # in one commit: an event that is in is never offered again
                    append = _retried(service, stream, letter, admission.append)
                    # 200, nothing new: what was posted before is in now
                    return await answer_posted(service, metrics, stream, admission, append, asked, accepted=200)

        return await requests.once(request, b"", post_again)


def _retried(service: Service, stream: Stream, letter: DeadLetter, append: Append) -> Append:
    """What a retry appends: the event once if it has an id, else as often as it came, within the limits of a post."""
    if stream.id is not None or not append.data:
        return replace(append, retries=Retry(letter.id))
    limits = service.limits
    times = max(1, min(letter.count, limits.max_events, limits.max_body_bytes // max(1, len(letter.body))))
    columns = {name: getattr(append, name) * times for name in ("ids", "keys", "times", "data")}
    return replace(append, **columns, retries=Retry(letter.id, times))


def describe(letter: DeadLetter) -> dict[str, Any]:
    """A rejected event as JSON; its body as it came."""
    return {
        "id": letter.id,
        "received": iso(letter.received),
        "last": iso(letter.last),
        "count": letter.count,
        "errors": letter.errors,
        "body": letter.body.decode(errors="replace"),
    }


def _letter(service: Service, stream: str, text: str) -> DeadLetter:
    """The rejected event of this id in this stream, if it still waits."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    letter = service.dead_letters.get(number) if 0 < number <= _ID_MOST else None
    if letter is None or letter.stream != stream:
        raise NotFoundError(f"rejected event of stream {stream!r}", text)
    if letter.retried is not None:
        raise AlreadyRetriedError(letter.id)
    return letter


_ID = openapi.path("id", openapi.COUNT, "Its id in the list.")
_AFTER = openapi.query("after", openapi.COUNT, "Only those behind this id: the next of an answer.")
_REJECTED = openapi.record(
    {
        "rejected": openapi.list_of(
            openapi.record(
                {
                    "id": openapi.COUNT,
                    "received": openapi.INSTANT,
                    "last": openapi.INSTANT,
                    "count": openapi.COUNT,
                    "errors": openapi.list_of({"type": "object"}),
                    "body": openapi.TEXT,
                }
            )
        ),
        "next": openapi.or_null(openapi.COUNT),
        "dropped": openapi.COUNT,
    }
)
