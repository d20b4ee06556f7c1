"""Errors of the SQL endpoint.

AnabranchError
└── ServingError
    └── SqlError
        ├── SqlRefusedError      the statement is not one that may run: it would do more than read what is here
        ├── SqlFailedError       DuckDB cannot make sense of it, or it failed while it ran
        ├── SqlTooLongError      it ran longer than it may
        ├── SqlTooLargeError     it needs more memory than it may have, or a row of its result is too large
        ├── SqlBusyError         too many others are waiting
        ├── SqlUnavailableError  what queries read cannot be made
        └── NotAcceptableError   the result is wanted in a form that there is not
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.errors import ServingError


class SqlError(ServingError):
    """A query has no answer."""


class SqlRefusedError(SqlError):
    """The statement is not one that may run.

    Attributes
    ----------
    reason
        ``statement``, ``function``, ``relation``, ``file``, or ``empty``: what about it.
    """

    def __init__(self, reason: str, problem: str):
        self.reason = reason
        super().__init__(problem)


class SqlFailedError(SqlError):
    """DuckDB refused or failed; the message is its own."""


class SqlTooLongError(SqlError):
    """It ran longer than it may.

    Attributes
    ----------
    limit_seconds
        How long it may.
    """

    def __init__(self, limit_seconds: float):
        self.limit_seconds = limit_seconds
        super().__init__(
            f"The query was stopped after {limit_seconds:g} s; ask for less, or query HOME/analytics.duckdb with a"
            " DuckDB of your own"
        )


class SqlTooLargeError(SqlError):
    """It needs more memory than it may have, or a row of its result is too large; the message says which."""


class SqlBusyError(SqlError):
    """Too many others are waiting."""

    def __init__(self, running: int, waiting: int):
        super().__init__(f"{running} queries run and {waiting} wait; ask again in a moment")


class SqlUnavailableError(SqlError):
    """What queries read cannot be made; the message says why."""


class NotAcceptableError(SqlError):
    """The result is wanted in a form that there is not.

    Attributes
    ----------
    supported
        The media types that there are.
    """

    def __init__(self, wanted: str, supported: Iterable[str]):
        self.supported = list(supported)
        super().__init__(f"No result as {wanted!r}; there are {', '.join(self.supported)}")


_TOLD: dict[str, type[SqlError]] = {
    "failed": SqlFailedError,
    "too-large": SqlTooLargeError,
    "unavailable": SqlUnavailableError,
}


def told(error: SqlError) -> dict[str, Any]:
    """An error as plain data, to be sent to another process."""
    if isinstance(error, SqlRefusedError):
        return {"kind": "refused", "reason": error.reason, "problem": str(error)}
    if isinstance(error, SqlTooLongError):
        return {"kind": "too-long", "limit_seconds": error.limit_seconds}
    kind = next((kind for kind, cls in _TOLD.items() if isinstance(error, cls)), "failed")
    return {"kind": kind, "problem": str(error)}


def error_of(data: dict[str, Any]) -> SqlError:
    """The error that was told."""
    if data["kind"] == "refused":
        return SqlRefusedError(data["reason"], data["problem"])
    if data["kind"] == "too-long":
        return SqlTooLongError(data["limit_seconds"])
    return _TOLD[data["kind"]](data["problem"])
