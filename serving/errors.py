"""Errors of the serving layer.

AnabranchError
└── ServingError
    ├── QueryError            a parameter of the query string is wrong
    ├── NotFoundError         there is no such stream, view, run or rejected event
    ├── AlreadyRetriedError   the rejected event was accepted by an earlier retry
    ├── BatchNotStartedError  a batch run was asked for and did not begin
    ├── BodyTooLargeError     the body is larger than the limit
    ├── FoldBehindError       the fold did not pass the wanted position in time
    └── UnauthorizedError     the API key is missing or wrong
"""

from collections.abc import Iterable

from anabranch import Cut
from anabranch.errors import AnabranchError


class ServingError(AnabranchError):
    """A request cannot be answered."""


class QueryError(ServingError):
    """A parameter of the query string is wrong.

    Attributes
    ----------
    parameter
        Its name.
    problem
        What is wrong with it, and what would be right.
    """

    def __init__(self, parameter: str, problem: str):
        self.parameter = parameter
        self.problem = problem
        super().__init__(f"Query parameter {parameter!r}: {problem}")


class NotFoundError(ServingError):
    """There is nothing of that name.

    Attributes
    ----------
    noun, name
        What was asked for.
    known
        The names that there are, where they are few.
    """

    def __init__(self, noun: str, name: str, known: Iterable[str] | None = None):
        self.noun = noun
        self.name = name
        self.known = None if known is None else sorted(known)
        names = "" if self.known is None else f"; known are: {', '.join(self.known) or 'none'}"
        super().__init__(f"There is no {noun} {name!r}{names}")


class AlreadyRetriedError(ServingError):
    """The rejected event was accepted by an earlier retry."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"The rejected event {number} was retried before and is in the log")


class BatchNotStartedError(ServingError):
    """A batch run was asked for and did not begin; the message says why."""


class BodyTooLargeError(ServingError):
    """The body is larger than the limit.

    Attributes
    ----------
    limit
        The most bytes that a body may have.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(f"The body has more than {limit:,} bytes; send the events in several requests")


class FoldBehindError(ServingError):
    """The fold did not pass the wanted position in time.

    Attributes
    ----------
    after, speed_cut
        The position that was waited for, and how far the fold is.
    """

    def __init__(self, after: Cut, speed_cut: Cut, timeout_seconds: float):
        self.after = after
        self.speed_cut = speed_cut
        super().__init__(
            f"The fold is at {speed_cut} and did not reach {after} within {timeout_seconds:g} s; "
            "ask again, or allow more time with timeout_ms"
        )


class UnauthorizedError(ServingError):
    """The API key is missing or wrong."""

    def __init__(self) -> None:
        super().__init__("Send the API key of this service: Authorization: Bearer <key>")
