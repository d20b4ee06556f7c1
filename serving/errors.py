"""Errors of the serving layer.

AnabranchError
└── ServingError
    ├── QueryError            a parameter of the query string is wrong
    ├── NotFoundError         there is no such stream, view, model, prediction, run or rejected event
    ├── WrongIdempotencyKeyError  the header Idempotency-Key holds no key
    ├── AlreadyRetriedError   the rejected event was accepted by an earlier retry
    ├── AlreadyChampionError  the version that was to be promoted is the champion
    ├── NoEarlierChampionError  there is no champion to go back to
    ├── InvalidExampleError   what was asked about is no example of the model
    ├── NoFeaturesError       the features function raised on what was asked about
    ├── BatchNotStartedError  a batch run was asked for and did not begin
    ├── BodyTooLargeError     the body is larger than the limit
    ├── MemoryTakenError      other requests have the memory that this one needs
    ├── TakesTooMuchError     this request alone needs more memory than all may take
    ├── UnsupportedCodingError  the body is packed in a way that is not undone
    ├── FoldBehindError       the fold did not pass the wanted position in time
    ├── UnauthorizedError     the API key is missing or wrong
    ├── WrongKeysError        too many wrong keys came from one address
    ├── CrossSiteError        a page of another site asked
    ├── UnknownHostError      the service was asked under a name that is not its own
    ├── MalformedRequestError  what came is no HTTP
    ├── HeadTooLargeError     the head of a request is larger than the limit
    ├── RequestTooSlowError   a request did not arrive in time
    └── ConnectionsError      there are too many connections
"""

from collections.abc import Iterable
from typing import Any

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


class WrongIdempotencyKeyError(ServingError):
    """The header ``Idempotency-Key`` holds no key, or is given twice.

    Attributes
    ----------
    limit
        The most characters that a key has.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(
            f"An Idempotency-Key has 1 to {limit} visible characters of ASCII, without spaces, like a UUID; send one"
        )


class AlreadyRetriedError(ServingError):
    """The rejected event was accepted by an earlier retry."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"The rejected event {number} was retried before and is in the log")


class AlreadyChampionError(ServingError):
    """The version that was to be promoted is the champion.

    Attributes
    ----------
    model, champion
        Of which model, and which version it is.
    """

    def __init__(self, model: str, champion: int):
        self.model = model
        self.champion = champion
        super().__init__(f"Version {champion} is the champion of model {model!r} already")


class NoEarlierChampionError(ServingError):
    """There is no champion before the present one.

    Attributes
    ----------
    model, champion
        Of which model, and the present champion.
    """

    def __init__(self, model: str, champion: int | None):
        self.model = model
        self.champion = champion
        so_far = "no champion yet" if champion is None else f"none before its champion, version {champion}"
        super().__init__(f"Model {model!r} has {so_far}: there is nothing to go back to")


class InvalidExampleError(ServingError):
    """What was asked about is no example of the model.

    Attributes
    ----------
    rejected
        ``{"index", "errors"}`` of every example that is wrong; an error has ``field`` and ``message``.
    """

    def __init__(self, rejected: list[dict[str, Any]]):
        self.rejected = rejected
        first = rejected[0]
        error = first["errors"][0]
        field = error["field"] or "the example as a whole"
        super().__init__(f"Example {first['index']}, {field}: {error['message']}")


class NoFeaturesError(ServingError):
    """The features function raised on what was asked about.

    Attributes
    ----------
    index
        The 0-based place of the example.
    reason
        The last line of the traceback.
    field
        The field that the function needs and that is not given, if it is that.
    """

    def __init__(self, model: str, index: int, reason: str, field: str | None):
        self.index = index
        self.reason = reason
        self.field = field
        super().__init__(f"Model {model!r} has no features for example {index}: {reason}")


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


class MemoryTakenError(ServingError):
    """Other requests have the memory that this one needs. Nothing of it was stored.

    Attributes
    ----------
    limit
        The bytes that all requests may take together.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(
            f"Other requests have taken what there is of {limit:,} bytes of ANABRANCH_REQUEST_MEMORY; ask again later"
        )


class TakesTooMuchError(ServingError):
    """This request alone needs more memory than all together may take. Nothing of it was stored.

    Attributes
    ----------
    limit
        The bytes that all requests may take together.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(
            f"To answer this request takes more than {limit:,} bytes (ANABRANCH_REQUEST_MEMORY); send it in several"
        )


class UnsupportedCodingError(ServingError):
    """The body is packed in a way that is not undone.

    Attributes
    ----------
    coding
        The header `Content-Encoding`.
    """

    def __init__(self, coding: str):
        self.coding = coding
        super().__init__(f"The body is packed as {coding!r:.80}; send it as it is, or with Content-Encoding: gzip")


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


class CrossSiteError(ServingError):
    """A page of another site asked a browser to change something here."""

    def __init__(self) -> None:
        super().__init__("A page of another site made this request; only our own pages and programs may change things")


class WrongKeysError(ServingError):
    """Too many wrong keys came from one address; further ones are not looked at for a while.

    Attributes
    ----------
    retry_seconds
        When the next one is looked at.
    """

    def __init__(self, retry_seconds: int):
        self.retry_seconds = retry_seconds
        super().__init__(f"Too many wrong keys came from your address; try again in {retry_seconds} s")


class UnknownHostError(ServingError):
    """The service was asked under a name that is not its own.

    Attributes
    ----------
    host
        The name, as the header `Host` has it.
    """

    def __init__(self, host: str):
        self.host = host[:200]
        super().__init__(
            f"This service is not called {self.host!r}: ask it by an address or a name of its own,"
            " or have ANABRANCH_ALLOWED_HOSTS name that one too"
        )


class MalformedRequestError(ServingError):
    """What came over the connection is no request of HTTP/1.1."""

    def __init__(self) -> None:
        super().__init__(
            "This is no request of HTTP/1.1; a proxy in front speaks TLS and HTTP/2, this service does not"
        )


class HeadTooLargeError(ServingError):
    """The head of a request, its target and its headers, is larger than the limit.

    Attributes
    ----------
    limit, most_fields
        The most bytes, and the most headers, that it may have.
    """

    def __init__(self, limit: int, most_fields: int):
        self.limit = limit
        self.most_fields = most_fields
        super().__init__(f"The head of this request has more than {limit:,} bytes or {most_fields} headers")


class RequestTooSlowError(ServingError):
    """A request did not arrive in time.

    Attributes
    ----------
    limit_seconds
        How long it may take.
    """

    def __init__(self, limit_seconds: float):
        self.limit_seconds = limit_seconds
        super().__init__(f"This request did not arrive within {limit_seconds:g} s; send it quicker, or in parts")


class ConnectionsError(ServingError):
    """There are as many connections as there may be, and a request is at work on each."""

    def __init__(self, most: int):
        self.most = most
        super().__init__(f"All {most:,} connections are at work; try again soon")
