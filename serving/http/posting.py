"""From a request's body to durable events: what `routes.events` and a retry of `routes.rejected` have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from anabranch import Stream
from eventlog.intake.bodies import Take, ignored
from eventlog.intake.door import Admission, Rejected, admit
from eventlog.log import Append, Appended
from serving.answers.waiting import result_of
from serving.errors import BodyTooLargeError
from serving.http import openapi
from serving.http.content_coding import unpacked
from serving.http.idempotency import Asked, replayed
from serving.http.request_memory import Share
from serving.http.responses import answer_json, answer_problem
from serving.metrics.request_metrics import RequestMetrics
from serving.service import Service

TOLD_WHOLE = 1_000
"""Of so many rejected events an answer tells all reasons, of the others the first."""
_QUICK_BYTES = 64 * 1024
"""Bodies larger than this are validated in a thread of their own, so that other requests do not wait."""
SHORT_BODY_BYTES = 64 * 1024
"""The most that a body may have which is no events. As much is read ahead for every connection anyway."""
WORK_FOLD = 7
"""How many times its size a body takes while it is worked on, beyond itself: its events as they came and as they are
stored, some of them as objects (measured in tests/hostile)."""


def headers_of(request: Request) -> Mapping[str, str]:
    """The headers of a request, names in lower case; of those that are given twice the first.

    `Request.headers` decodes them again for every look.
    """
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


async def read_body(request: Request, limit: int, take: Take = ignored) -> bytes:
    """The body as it was before it was packed for the way (see `content_coding`).

    Parameters
    ----------
    limit
        The most bytes that it may have, packed or not.
    take
        Is told of each piece before it is kept, also of what is unpacked. Only where `limit` is small may it be left
        out: a body need never end.

    Raises
    ------
    BodyTooLargeError
        As soon as it is known to have more than `limit` bytes.
    MemoryTakenError
        If other requests have the memory that it needs.
    """
    length = coding = b""
    for name, value in request.scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"content-encoding":
            coding = value
    if length.isdigit() and int(length) > limit:
        raise BodyTooLargeError(limit)
    chunks: list[bytes] = []
    size = 0
    further = True
    while further:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        take(len(chunk))
        chunks.append(chunk)
        further = message.get("more_body", False)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return await run_in_threadpool(unpacked, body, coding.decode("latin-1"), limit, take) if coding else body


async def admitted(
    service: Service, stream: Stream, headers: Mapping[str, str], body: bytes, share: Share
) -> Admission:
    """The valid events of a body, and the others with what is wrong; raises as `eventlog.intake.door.admit` does.

    What that takes comes out of the request's share of memory.
    """
    share.take(WORK_FOLD * len(body))

    def admission() -> Admission:
        content_type, now = headers.get("content-type"), service.clock()
        return admit(content_type, body, stream, limits=service.limits, now=now, headers=headers, take=share.take)

    return admission() if len(body) <= _QUICK_BYTES else await run_in_threadpool(admission)


async def appended(service: Service, append: Append) -> Appended:
    """Make an append durable, and what was refused beside it; where there is neither, it is at the end of the log.

    With the key of a request it is always a commit: what is told has to be remembered.
    """
    if append.data or append.refused or append.request is not None:
        return await result_of(service.log.submit(append))
    return Appended(await run_in_threadpool(service.log.end), 0, 0)


async def answer_posted(
    service: Service,
    metrics: RequestMetrics,
    stream: Stream,
    admission: Admission,
    append: Append,
    asked: Asked,
    accepted: int = 201,
) -> Response:
    """Make an append durable, count what became of its events, and answer; a repetition gets the first answer."""
    answer = answer_to_post(admission, accepted)
    done = await appended(service, asked.append(append, answer))
    if done.told is not None:
        return replayed(done.told)
    rejected = admission.rejected
    metrics.count_events(stream.name, accepted=done.accepted, duplicates=done.duplicates, rejected=len(rejected))
    metrics.count_reasons(stream.name, [event.errors[0]["type"] for event in rejected])
    return answer(done)


def answer_to_post(admission: Admission, accepted: int = 201) -> Callable[[Appended], Response]:
    """`accepted` if all events were, 207 if some were, 422 if none was; what is rejected is put into JSON now."""
    rejected = admission.rejected
    told = [_told(event, whole=number < TOLD_WHOLE) for number, event in enumerate(rejected)]
    as_json = orjson.Fragment(orjson.dumps(told)) if told else told

    def answer(appended: Appended) -> Response:
        content: dict[str, Any] = {
            "accepted": appended.accepted,
            "duplicates": appended.duplicates,
            "rejected": as_json,
            "position": str(appended.position),
        }
        if not rejected:
            return answer_json(content, accepted)
        if appended.accepted or appended.duplicates:
            return answer_json(content, 207)
        first = rejected[0].errors[0]
        field = first["field"] or "the event as a whole"
        return answer_problem(
            422,
            "none-accepted",
            "No event was accepted",
            f"All {len(rejected)} were rejected; event {rejected[0].index}, {field}: {first['message']}",
            **content,
        )

    return answer


def _told(event: Rejected, *, whole: bool) -> dict[str, Any]:
    """A rejected event in the answer; its dead letter may have more reasons."""
    if whole:
        return {"index": event.index, "errors": event.errors}
    first = event.errors[0]
    return {"index": event.index, "errors": [{name: first[name] for name in ("field", "message", "type")}]}


POSTED = openapi.record(
    {
        "accepted": openapi.COUNT,
        "duplicates": openapi.COUNT,
        "rejected": openapi.list_of(
            openapi.record({"index": openapi.COUNT, "errors": openapi.list_of({"type": "object"})})
        ),
        "position": openapi.POSITION,
    }
)
"""The answer to a post: `accepted` and `duplicates` are all fine; `rejected` tells the others by their index."""
