"""What every answer is made of: JSON, quickly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from serving.http.log_lines import request_id


def to_json(content: object) -> bytes:
    """JSON text, with whole numbers of any size: a sum may need more than 64 bits."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer_json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def answer_problem(
    status: int, kind: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """An RFC 9457 problem.

    Parameters
    ----------
    kind
        Names the kind of problem for programs, for ever: it becomes the `type`.
    detail
        What is wrong here and now, such that a person can act on it.
    members
        The facts of `detail`, for programs. A problem on our side also has its `request_id`, to report it by.
    """
    if status >= 500 and (asked := request_id.get()) is not None:
        members["request_id"] = asked
    content = {"type": f"urn:anabranch:problem:{kind}", "title": title, "status": status, "detail": detail, **members}
    return Response(orjson.dumps(content), status, headers, "application/problem+json")
