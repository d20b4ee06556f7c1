"""The words of the OpenAPI document that several routes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from serving.answers.selection import LIMIT_DEFAULT, LIMIT_MOST, TIMEOUT_DEFAULT_MS, TIMEOUT_MOST_MS

Schema = Mapping[str, Any]

POSITION: Schema = {"type": "string", "pattern": r"^\d+:\d+(,\d+:\d+)*$", "examples": ["0:0"]}
INSTANT: Schema = {"type": "string", "format": "date-time", "examples": ["2014-05-01T10:00:00Z"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT},
}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these properties."""
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def list_of(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def query(name: str, schema: Schema, description: str) -> Schema:
    """A parameter of the query string, which may be left out."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def header(name: str, schema: Schema, description: str) -> Schema:
    """A header of the request, which may be left out."""
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def path(name: str, schema: Schema, description: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def names(known: Iterable[str]) -> Schema:
    """One of the names that there are."""
    known = sorted(known)
    return {"type": "string", "enum": known} if known else TEXT


def answers(status: int, description: str, schema: Schema, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation: how it goes well, and how it does not."""
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": description, "content": {"application/json": {"schema": schema}}}
    }
    for problem in (401, *problems):
        documented[problem] = {
            "description": HTTPStatus(problem).phrase,
            "content": {"application/problem+json": {"schema": PROBLEM}},
        }
    return documented


LIMIT = query(
    "limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_DEFAULT}, "At most so many."
)
AFTER = query("after", POSITION, "Answer once the fold has passed this position (what an ingest returned).")
TIMEOUT = query(
    "timeout_ms",
    {"type": "integer", "minimum": 0, "maximum": TIMEOUT_MOST_MS, "default": TIMEOUT_DEFAULT_MS},
    "How long to wait for `after`; then 504.",
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "Carry this request out once: another one with the key gets the same answer, with `Idempotency-Replayed: true`.",
)
STALENESS: Mapping[str, Schema] = {
    "generation": or_null({"type": "integer"}),
    "batch_cut": POSITION,
    "speed_cut": POSITION,
    "lag_seconds": {"type": "number", "minimum": 0},
}
"""What every answer says about how fresh it is."""
