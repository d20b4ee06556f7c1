"""Plain values by their kind: the SQL type, the way back from SQL, and the JSON value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from anabranch.field import Kind
from anabranch.instant import iso

if TYPE_CHECKING:
    from anabranch.agg.aggregate import SqlType

SQL_TYPE_BY_KIND: Mapping[Kind, SqlType] = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "instant": "BIGINT",
}

ANSWER_TYPE_BY_KIND: Mapping[Kind, str] = {**SQL_TYPE_BY_KIND, "instant": "TIMESTAMPTZ"}
"""The SQL type of a plain value as analysts see it; packed, an instant is a BIGINT."""


def restored(kind: Kind, value: Any) -> Any:
    """The plain value of what SQL, Arrow or numpy gave back; a None stays None.

    >>> restored("boolean", 1), restored("number", 2)
    (True, 2.0)
    """
    return None if value is None else _RESTORE_BY_KIND[kind](value)


def presented(kind: Kind, value: Any) -> Any:
    """The JSON value of a plain value: an instant as ISO 8601, a zero without a sign; a None stays None.

    >>> presented("instant", 0), presented("number", -0.0)
    ('1970-01-01T00:00:00Z', 0.0)
    """
    if value is None:
        return None
    if kind == "instant":
        return iso(value)
    return value + 0.0 if kind == "number" else value


def answer_sql(kind: Kind, value: str) -> str:
    """SQL of a plain value as analysts see it: `presented`, with instants as TIMESTAMPTZ."""
    if kind == "instant":
        return f"make_timestamptz({value})"
    return f"{value} + 0.0::DOUBLE" if kind == "number" else value


_RESTORE_BY_KIND: Mapping[Kind, Callable[[Any], Any]] = {
    "integer": int,
    "number": float,
    "boolean": bool,
    "text": str,
    "instant": int,
    "other": lambda value: value,
}
