"""Errors of the event log.

AnabranchError
└── EventLogError
    ├── LogUnavailableError          the database is locked, full or away; nothing was written, trying again may help
    │   ├── LogBusyError             more is waiting to be committed than the log lets in
    │   ├── LogReadOnlyError         the log and what was made of it do not fit: it takes nothing
    │   └── DatabaseDamagedError     the database holds what nobody wrote; that does not pass by itself
    ├── DatabaseVersionError         a later release of this program made the tables of the database
    ├── CorruptLogError              the log or the lake holds something that this code cannot have written
    ├── RecordsTrimmedError          records were asked for that are neither hot nor in the lake
    ├── LakeDamagedError             the lake does not hold what was written into it
    ├── KeyReusedError               another request was made under the same Idempotency-Key
    ├── NotRetractableError          no event stands there that could be taken out
    ├── ArchiveError                 the lake cannot take segments: they do not continue it, or cannot be written
    ├── LeaseLostError               somebody else took the lease over; what it fenced was not written
    ├── HomeKeyError                 the key of the home cannot be read or made
    ├── SchemaChangedError           a stream's schema changed in a way that stored events do not survive
    └── IngestError                  a request that cannot be taken apart; nothing of it was stored
        ├── UnsupportedContentTypeError
        ├── MalformedBodyError
        ├── TooManyEventsError
        └── TooMuchUnpackedError     the body is small and what it unpacks to is not
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anabranch import AnabranchError

if TYPE_CHECKING:
    from eventlog.log.misfit import Misfit


class EventLogError(AnabranchError):
    """The root of the errors of this package."""


class LogUnavailableError(EventLogError):
    """The database is locked, full or away. Trying again later may help.

    Nothing was written, unless the message says that this is not known: see `eventlog.log.commit_outcome`.

    Attributes
    ----------
    retry_after_seconds
        When it makes sense to try again.
    """

    retry_after_seconds = 1

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(f"the log is unavailable: {problem}")


class KeyReusedError(EventLogError):
    """Another request was made under the same Idempotency-Key; this one was not carried out.

    Attributes
    ----------
    key
        The key.
    """

    def __init__(self, key: str):
        self.key = key
        super().__init__(
            f"Another request was made with the Idempotency-Key {key!r}: a key belongs to one request and its"
            " repetitions; give this one a key of its own"
        )


class LogBusyError(LogUnavailableError):
    """More is waiting to be committed than the log lets in."""


class LogReadOnlyError(LogUnavailableError):
    """The log takes nothing: it and what was made of it do not belong together.

    Attributes
    ----------
    misfit
        What does not fit.
    since, time
        From which position on, as ``0:1234``, and when the record before that was appended; None: nobody knows.
    """

    retry_after_seconds = 60

    def __init__(self, misfit: Misfit):
        self.misfit = misfit
        self.since = f"0:{misfit.since}"
        self.time = misfit.time
        EventLogError.__init__(self, str(misfit))
        self.problem = misfit.problem


class DatabaseDamagedError(LogUnavailableError):
    """The database holds what nobody wrote: it was altered, or a part of it is missing. That does not pass by itself.

    Attributes
    ----------
    damage
        What the database says, or what was found.
    """

    retry_after_seconds = 60

    def __init__(self, damage: str):
        self.damage = damage
        super().__init__(
            f"its database is damaged: {damage}. Stop the service, keep a copy of the database as it is, and put the"
            " newest backup in its place"
        )


class DatabaseVersionError(EventLogError):
    """A later release of this program made the tables of the database. Nothing was changed.

    Attributes
    ----------
    found, known
        The version of the tables, and the newest that this program knows.
    """

    def __init__(self, found: object, known: str):
        self.found = found
        self.known = known
        super().__init__(
            f"the database has version {found}, and this program knows {known} at most:"
            " start the release that made it, or a later one"
        )


class CorruptLogError(EventLogError):
    """The log or the lake holds something that this code cannot have written.

    Attributes
    ----------
    where, expected, found
        What was looked at, what had to be there, and what is.
    """

    def __init__(self, where: str, expected: object, found: object):
        self.where = where
        self.expected = expected
        self.found = found
        super().__init__(f"{where}: expected {expected}, found {found}")


class RecordsTrimmedError(EventLogError):
    """Records were asked for that are neither hot nor in the lake.

    Attributes
    ----------
    asked, begin
        The cut to read from, and the first that can be read.
    """

    def __init__(self, asked: object, begin: object):
        self.asked = asked
        self.begin = begin
        super().__init__(f"records from {asked} on are gone: the hot log begins at {begin}, and no lake has them")


class LakeDamagedError(EventLogError):
    """The lake does not hold what was written into it. Nothing of what is damaged was used.

    Attributes
    ----------
    path
        The file, or the folder that lacks something; text, if it lies in a store that is no folder.
    stream
        The stream whose records they are; None: that cannot be told.
    start, end
        The offsets that are concerned: those from `start` on and before `end`.
    """

    def __init__(self, path: Path | str, problem: str, stream: str | None, start: int, end: int):
        self.path = path
        self.problem = problem
        self.stream = stream
        self.start = start
        self.end = end
        whose = "" if stream is None else f" of stream {stream!r}"
        super().__init__(
            f"the lake is damaged: {path} {problem}; it concerns the records{whose} from 0:{start} to before 0:{end}."
            " Mend it with anabranch batch run --mend, which takes it from the hot log as far as that reaches back, or"
            " put it back from a backup or a copy of the lake"
        )


class NotRetractableError(EventLogError):
    """No event stands at an offset that could be taken out.

    Attributes
    ----------
    offset, problem
        Where, and why not.
    """

    def __init__(self, offset: int, problem: str):
        self.offset = offset
        self.problem = problem
        super().__init__(
            f"0:{offset} cannot be taken out: {problem}; GET /v1/streams/…/events tells partition and offset of events"
        )


class ArchiveError(EventLogError):
    """The lake cannot take segments: they do not continue what it holds, or cannot be written. It is as it was."""


class LeaseLostError(EventLogError):
    """Somebody else took the lease over. What it fenced was not written.

    Attributes
    ----------
    name, token, current
        The lease, the token that was presented, and the token that is valid now (None: nobody holds it).
    """

    def __init__(self, name: str, token: int, current: int | None):
        self.name = name
        self.token = token
        self.current = current
        super().__init__(f"lease {name!r} with token {token} is lost; the valid token is {current}")


class HomeKeyError(EventLogError):
    """The key of the home cannot be read or made.

    Attributes
    ----------
    path
        Where it is.
    problem
        What is wrong with it.
    """

    def __init__(self, path: Path, problem: str):
        self.path = path
        self.problem = problem
        super().__init__(
            f"the key of the home, {path}, cannot be used: {problem}. Put it back from a backup, or remove it: a new"
            " one is made, checkpoints are folded again from the log, and models that were pickled are trained again"
        )


class SchemaChangedError(EventLogError):
    """A stream's schema changed in a way that a stored event does not survive.

    Attributes
    ----------
    stream, offset
        Where that event is.
    reason
        What of it does not fit.
    """

    def __init__(self, stream: str, offset: int, reason: str):
        self.stream = stream
        self.offset = offset
        self.reason = reason
        super().__init__(
            f"stream {stream!r}: the stored event at 0:{offset} does not fit the changed schema: {reason}."
            " Let the schema take what is stored, or give the changed stream a new name"
        )


class IngestError(EventLogError):
    """A request that cannot be taken apart into events. Nothing of it was stored."""


class UnsupportedContentTypeError(IngestError):
    """The body is of a kind that the log does not read.

    Attributes
    ----------
    content_type, supported
        What came, and what could.
    """

    def __init__(self, content_type: str, supported: tuple[str, ...]):
        self.content_type = content_type
        self.supported = supported
        found = content_type or "(none)"
        super().__init__(f"cannot read a body of type {found!r}; send one of: {', '.join(supported)}")


class MalformedBodyError(IngestError):
    """The body is not what its content type says.

    Attributes
    ----------
    problem
        What is wrong.
    line
        The 1-based line of the body, where it has lines.
    """

    def __init__(self, problem: str, line: int | None = None):
        self.problem = problem
        self.line = line
        super().__init__(problem if line is None else f"line {line}: {problem}")


class TooManyEventsError(IngestError):
    """The request holds more events than one request may.

    Attributes
    ----------
    limit
        How many it may hold.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(f"a request may hold at most {limit} events; send several")


class TooMuchUnpackedError(IngestError):
    """The body is small enough, and what it unpacks to is not.

    Attributes
    ----------
    limit
        The most bytes that it may unpack to.
    """

    def __init__(self, limit: int):
        self.limit = limit
        super().__init__(f"the body unpacks to more than {limit:,} bytes; send the events in several requests")
