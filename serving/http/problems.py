"""Errors as HTTP: one table, from what the layers raise to RFC 9457 problems."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from anabranch.errors import AnabranchError, LayerUnreadableError
from batch.errors import GenerationError, LeaseHeldError
from eventlog.errors import (
    CorruptLogError,
    DatabaseDamagedError,
    KeyReusedError,
    LakeDamagedError,
    LogReadOnlyError,
    LogUnavailableError,
    MalformedBodyError,
    RecordsTrimmedError,
    TooManyEventsError,
    TooMuchUnpackedError,
    UnsupportedContentTypeError,
)
from eventlog.store.errors import StoreUnavailableError
from serving import errors
from serving.http.log_lines import request_id
from serving.http.request_ids import HEADER
from serving.http.responses import answer_problem
from serving.sql import errors as sql_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """How errors of one class are told: a problem of RFC 9457.

    Attributes
    ----------
    status, kind, title
        As in `serving.http.responses.answer_problem`.
    members
        The attributes of the error that are told too, for programs.
    headers
        Headers that go with it.
    """

    status: int
    kind: str
    title: str
    members: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


_LAST = (("Connection", "close"),)
"""Behind such a problem the connection is closed: what follows on it cannot be told apart, or is not waited for."""
PROBLEM_BY_ERROR: dict[type[Exception], Problem] = {
    errors.UnauthorizedError: Problem(
        401, "unauthorized", "The API key is missing or wrong", headers=(("WWW-Authenticate", "Bearer"),)
    ),
    errors.CrossSiteError: Problem(403, "cross-site", "Another site may not do this"),
    errors.WrongKeysError: Problem(429, "too-many-wrong-keys", "Too many wrong keys", ("retry_seconds",)),
    errors.UnknownHostError: Problem(421, "unknown-host", "The service has no such name", ("host",)),
    errors.NotFoundError: Problem(404, "not-found", "There is no such thing", ("noun", "name", "known")),
    errors.WrongIdempotencyKeyError: Problem(
        400, "wrong-idempotency-key", "The header Idempotency-Key holds no key", ("limit",)
    ),
    KeyReusedError: Problem(422, "idempotency-key-reused", "Another request had this Idempotency-Key"),
    errors.AlreadyRetriedError: Problem(409, "already-retried", "It was retried already"),
    errors.AlreadyChampionError: Problem(409, "already-champion", "It is the champion already", ("model", "champion")),
    errors.NoEarlierChampionError: Problem(
        409, "no-earlier-champion", "There is no earlier champion", ("model", "champion")
    ),
    LeaseHeldError: Problem(409, "batch-running", "A batch run is going on", headers=(("Retry-After", "30"),)),
    errors.BodyTooLargeError: Problem(413, "body-too-large", "The body is too large", ("limit",), headers=_LAST),
    TooMuchUnpackedError: Problem(413, "body-too-large", "The body is too large", ("limit",)),
    errors.TakesTooMuchError: Problem(413, "body-too-large", "The body is too large", ("limit",)),
    errors.MemoryTakenError: Problem(
        503, "memory-taken", "Too much at once", ("limit",), (("Retry-After", "1"), *_LAST)
    ),
    TooManyEventsError: Problem(413, "too-many-events", "Too many events in one request", ("limit",)),
    UnsupportedContentTypeError: Problem(415, "unsupported-content-type", "No such content type here", ("supported",)),
    errors.UnsupportedCodingError: Problem(
        415, "unsupported-coding", "No such content coding here", ("coding",), headers=(("Accept-Encoding", "gzip"),)
    ),
    errors.QueryError: Problem(422, "wrong-parameter", "A query parameter is wrong", ("parameter", "problem")),
    MalformedBodyError: Problem(422, "malformed-body", "The body is not what its content type says", ("line",)),
    errors.InvalidExampleError: Problem(422, "invalid-example", "An example is not valid", ("rejected",)),
    errors.NoFeaturesError: Problem(
        422, "no-features", "The features cannot be computed", ("index", "reason", "field")
    ),
    sql_errors.SqlRefusedError: Problem(403, "sql-refused", "This statement may not run here", ("reason",)),
    sql_errors.NotAcceptableError: Problem(406, "not-acceptable", "No result in this form", ("supported",)),
    sql_errors.SqlFailedError: Problem(422, "sql-failed", "DuckDB cannot run this statement"),
    sql_errors.SqlTooLargeError: Problem(422, "sql-too-large", "The statement needs too much memory"),
    sql_errors.SqlBusyError: Problem(503, "sql-busy", "Too many queries", headers=(("Retry-After", "1"),)),
    sql_errors.SqlUnavailableError: Problem(
        503, "sql-unavailable", "There is nothing to query yet", headers=(("Retry-After", "5"),)
    ),
    sql_errors.SqlTooLongError: Problem(504, "sql-too-long", "The statement took too long", ("limit_seconds",)),
    errors.BatchNotStartedError: Problem(503, "batch-not-started", "The batch run did not begin"),
    GenerationError: Problem(503, "generation-unreadable", "The batch part cannot be read"),
    StoreUnavailableError: Problem(
        503, "store-unavailable", "The store cannot be reached", headers=(("Retry-After", "5"),)
    ),
    LayerUnreadableError: Problem(
        503, "generation-unreadable", "The batch part cannot be read", headers=(("Retry-After", "5"),)
    ),
    LogUnavailableError: Problem(503, "log-unavailable", "The log cannot be reached", headers=(("Retry-After", "1"),)),
    LogReadOnlyError: Problem(
        503, "read-only", "Nothing is accepted", ("since", "time"), headers=(("Retry-After", "60"),)
    ),
    errors.MalformedRequestError: Problem(400, "malformed-request", "This is no HTTP", headers=_LAST),
    errors.HeadTooLargeError: Problem(
        431, "head-too-large", "The head of the request is too large", ("limit", "most_fields"), headers=_LAST
    ),
    errors.RequestTooSlowError: Problem(
        408, "request-too-slow", "The request took too long to arrive", ("limit_seconds",), headers=_LAST
    ),
    errors.ConnectionsError: Problem(
        503, "too-many-connections", "Too many connections", headers=(("Retry-After", "1"), *_LAST)
    ),
    LakeDamagedError: Problem(503, "lake-damaged", "The lake is damaged", ("stream", "start", "end")),
    DatabaseDamagedError: Problem(503, "log-damaged", "The log is damaged", headers=(("Retry-After", "60"),)),
    CorruptLogError: Problem(503, "log-damaged", "The log is damaged"),
    RecordsTrimmedError: Problem(503, "records-missing", "Records are missing"),
    errors.FoldBehindError: Problem(504, "fold-behind", "The fold is behind", ("after", "speed_cut")),
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem."""
    for error in PROBLEM_BY_ERROR:
        app.add_exception_handler(error, _known)
    app.add_exception_handler(AnabranchError, _unforeseen)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def problem_of(error: Exception) -> Response:
    """The problem that tells `error`, whose class or a base of it stands in the table."""
    problem = next(PROBLEM_BY_ERROR[cls] for cls in type(error).__mro__ if cls in PROBLEM_BY_ERROR)
    facts = {name: getattr(error, name, None) for name in problem.members}
    members = {name: value if _is_json(value) else str(value) for name, value in facts.items() if value is not None}
    headers = dict(problem.headers)
    if "retry_seconds" in members:
        headers["Retry-After"] = str(members["retry_seconds"])
    return answer_problem(problem.status, problem.kind, problem.title, str(error), headers, **members)


def _is_json(value: object) -> bool:
    return isinstance(value, (str, int, float, list, tuple))


async def _known(request: Request, error: Exception) -> Response:
    return problem_of(error)


async def _of_http(request: Request, error: Exception) -> Response:
    """What the router refuses: an unknown path or method."""
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, error.headers
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}; /docs lists what there is"
    elif error.status_code == 405:
        allowed = ", ".join(_methods(request))
        headers = {"Allow": allowed}
        detail = f"{request.url.path} does not take {request.method}; it takes {allowed}"
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    return answer_problem(status, kind, status.phrase, detail, headers)


def _methods(request: Request) -> list[str]:
    """The methods that the routes at the path of a request take."""
    routes = (route for route in request.app.router.routes if isinstance(route, Route))
    at_path = (route for route in routes if route.path_regex.match(request.url.path))
    return sorted({method for route in at_path for method in route.methods or ()})


async def _unforeseen(request: Request, error: Exception) -> Response:
    """An error of ours that no request should meet."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _mistake()


async def _unexpected(request: Request, error: Exception) -> Response:
    """Our mistake: the server logs it, since it is raised again behind the answer; the client learns nothing of it."""
    asked = request_id.get()
    return _mistake({} if asked is None else {HEADER: asked})  # it is answered outside of the middleware that adds it


def _mistake(headers: Mapping[str, str] | None = None) -> Response:
    detail = "The log of the service says what it was"
    return answer_problem(500, "unexpected", "Something went wrong here", detail, headers)


async def _gone(request: Request, error: Exception) -> Response:
    """The client went away while it sent its body: nobody reads this."""
    return answer_problem(400, "incomplete-body", "The body is incomplete", "The connection ended within the body")
