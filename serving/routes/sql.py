"""``/v1/sql``: a statement of DuckDB's SQL, over everything up to this moment."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from eventlog.errors import MalformedBodyError, UnsupportedContentTypeError
from eventlog.intake.bodies import load_json
from serving.answers.selection import WAITING, parse
from serving.answers.waiting import result_of, until_asked
from serving.http import openapi
from serving.http.posting import read_body
from serving.http.request_memory import Share
from serving.service import Service
from serving.sql.errors import NotAcceptableError
from serving.sql.runner_pool import Query, RunnerPool

FORMAT_BY_TYPE = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
}
_JSON = "application/json"
_BODY_BYTES = 1_000_000
"""No statement is longer than this."""


def add_routes(app: FastAPI, service: Service, runner_pool: RunnerPool) -> None:
    """Add the route of this noun."""

    @app.post(
        "/v1/sql",
        tags=["sql"],
        summary="Query with SQL",
        openapi_extra={
            "parameters": [openapi.AFTER, openapi.TIMEOUT],
            "requestBody": {"required": True, "content": {_JSON: {"schema": _QUERY}}},
        },
        responses=_answers(),
    )
    async def query(request: Request) -> Response:
        """Run one statement that reads: `SELECT`, `EXPLAIN`, `DESCRIBE`, `SUMMARIZE` or `SHOW`.

        It sees `events_<stream>`, `view_<view>`, `predictions` and more (`SHOW TABLES`) at one cut of the log, the
        newest events included. Time, memory and rows are limited; where rows are left out, the answer says so.
        """
        media_type = _wanted(request.headers.get("accept"))
        _check_kind(request.headers.get("content-type"))
        with Share(service.memory) as share:
            asked = _query(await read_body(request, _BODY_BYTES, share.take), FORMAT_BY_TYPE[media_type])
        if parameters := parse(request.scope["query_string"], WAITING):
            await until_asked(service.speed, parameters)
        answer = await result_of(runner_pool.submit(asked))
        headers = {
            "Anabranch-Rows": str(answer.rows),
            "Anabranch-Truncated": str(answer.truncated).lower(),
            "Anabranch-Speed-Cut": str(answer.facts["speed_cut"]),
            "Vary": "Accept",
        }
        return Response(answer.body, 200, headers, media_type)


def _query(body: bytes, format_: str) -> Query:
    value = load_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("sql"), str):
        raise MalformedBodyError('send a JSON object like {"sql": "SELECT 1", "params": []}')
    unknown = sorted(value.keys() - {"sql", "params"})
    if unknown:
        raise MalformedBodyError(f"there is no member {unknown[0]!r}; there are sql and params")
    parameters = value.get("params")
    if not isinstance(parameters, (list, dict, type(None))):
        raise MalformedBodyError("params must be an array for $1, $2 (or ?), or an object for $name")
    return Query(value["sql"], parameters or [], format_)


def _check_kind(content_type: str | None) -> None:
    if (content_type or "").partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedContentTypeError(content_type or "", (_JSON,))


def _wanted(accept: str | None) -> str:
    """The media type of the result: of those that the header names, the first with the largest weight.

    >>> _wanted("text/html, text/csv;q=0.5, */*;q=0.1"), _wanted(None)
    ('text/csv', 'application/json')
    """
    best, weight = None, 0.0
    for part in (accept or "*/*").split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        found = _JSON if name in ("", "*/*", "application/*") else "text/csv" if name == "text/*" else name
        given = next((_weight(word[2:]) for word in parameters if word.startswith("q=")), 1.0)
        if found in FORMAT_BY_TYPE and given > weight:
            best, weight = found, given
    if best is None:
        raise NotAcceptableError(accept or "", FORMAT_BY_TYPE)
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _answers() -> dict[int | str, dict[str, Any]]:
    documented = openapi.answers(200, "The result", _RESULT, 403, 406, 413, 415, 422, 503, 504)
    for media_type in FORMAT_BY_TYPE:
        if media_type != _JSON:
            documented[200]["content"][media_type] = {"schema": {"type": "string", "format": "binary"}}
    return documented


_QUERY: openapi.Schema = openapi.record(
    {"sql": {"type": "string", "examples": ["SELECT 1"]}},
    {"params": {"anyOf": [{"type": "array"}, {"type": "object"}, {"type": "null"}]}},
)
_COLUMN = openapi.record({"name": openapi.TEXT, "type": openapi.TEXT})
_RESULT = openapi.record(
    {
        "columns": openapi.list_of(_COLUMN),
        "rows": openapi.list_of({"type": "array"}),
        "row_count": openapi.COUNT,
        "truncated": {"type": "boolean"},
        **openapi.STALENESS,
    }
)
