"""What a log does. `SqlLog` keeps it in a database, `MemoryLog` in memory; both pass the same contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from anabranch import Cut
from eventlog.log.keyed_requests import Answered, KeyedRequest
from eventlog.log.misfit import Misfit
from eventlog.log.retraction import Retracted, Retraction
from eventlog.log.segment import Segment
from eventlog.registry.leases import Lease
from eventlog.registry.letter_keeping import RefusedEvent, Retry

MAX_ID_BYTES = 1024
"""Ids and keys longer than this are refused at the door."""


@dataclass(frozen=True, slots=True)
class Append:
    """Valid events of one stream, to be appended together, as columns of equal length.

    Attributes
    ----------
    stream
        What they are events of.
    ids
        The id of each; None: not deduplicated.
    keys
        The key of each.
    times
        The event time of each in microseconds; None: the append time.
    data
        Each as a JSON object.
    refused
        The other events of the same request, which become dead letters. They are stored in the very transaction that
        appends, so that a request that failed has left nothing, and repeating it stores nothing twice.
    retries
        Which dead letter these events are: the same transaction notes that they are in.
    retracts
        The event that this decision takes out: the same transaction notes it, and forgets its id.
    request
        The request that asks for it, if it has a key: the same transaction notes what it is told. If an earlier one had
        the key, nothing of this append is written.
    """

    stream: str
    ids: list[str | None]
    keys: list[str | None]
    times: list[int | None]
    data: list[bytes]
    refused: list[RefusedEvent] = field(default_factory=list)
    retries: Retry | None = None
    retracts: Retraction | None = None
    request: KeyedRequest | None = None

    def __post_init__(self) -> None:
        assert len(self.ids) == len(self.keys) == len(self.times) == len(self.data), "columns of unequal length"


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an append.

    Attributes
    ----------
    position
        The cut just after the last of these events, the originals of duplicates included: who has seen it has
        seen them all.
    accepted
        How many were appended.
    duplicates
        How many were not, because an event of the same id is there already.
    told
        What an earlier request with the same key was told: nothing of this one was written. None: it was the first.
    """

    position: Cut
    accepted: int
    duplicates: int
    told: Answered | None = None


class Log(Protocol):
    """One append-only log. Offsets are dense and become visible in order, whoever writes.

    Every method may be called from any thread.

    Attributes
    ----------
    id
        Made with the log, and the same as long as it lives: what was made of the log names it.
    misfit
        Why the log takes nothing; None: it does. Who finds that something does not fit sets it; whatever would write
        raises `LogReadOnlyError` from then on, and what only reads goes on.
    """

    misfit: Misfit | None

    @property
    def id(self) -> str:
        """See above."""
        ...

    def submit(self, append: Append) -> Future[Appended]:
        """Queue an append. The future resolves when it is durable, or raises and nothing of it was written.

        Requests that are queued together share one commit; an idle log commits at once. Does not block: raises
        `LogBusyError` when too much is queued.

        One failure leaves open whether it was written, and its message says so: the connection to the database broke
        during the commit, and the database could not be asked afterwards. The log never repeats such a commit.

        It raises `KeyReusedError` if another request had the key of this one.
        """
        ...

    def append(self, append: Append) -> Appended:
        """Append and wait until it is durable."""
        ...

    def mark(self, data: dict[str, Any], lease: Lease | None = None, *, retracts: Retraction | None = None) -> int:
        """Append one event to the system's stream and return its offset; `retracts`: the event that it takes out.

        Raises
        ------
        LeaseLostError
            If somebody took the lease over; checked in the very transaction that would have appended.
        """
        ...

    def answered(self, key: str) -> Answered | None:
        """What the first request with a key was told; None: there was none, as far as the hot log reaches back."""
        ...

    def end(self) -> Cut:
        """The cut after the last record that is visible."""
        ...

    def begin(self) -> Cut:
        """The first cut that is still hot."""
        ...

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """About `limit` records from exactly `cut` on, in order; empty only at the end of the log.

        Whole segments are handed out, so it may be more than `limit`; where events are large it is less. Trimmed
        records come from the lake. An event that was taken out reads as one of the stream `retraction.RETRACTED`.

        Raises
        ------
        RecordsTrimmedError
            If records at `cut` are neither hot nor in the lake.
        """
        ...

    def read_system(self, stop: Cut | None = None) -> Iterator[Segment]:
        """The records of the system's own stream before `stop`, in order; None: up to the end of the log.

        What lies between them is not read: decisions are few, however long the log is. Trimmed ones come from the
        lake.

        Raises
        ------
        RecordsTrimmedError
            If some are neither hot nor in the lake.
        """
        ...

    def retracted(self) -> Retracted:
        """Which events were taken out, as far as this log knows: at least by the decisions that it has handed out."""
        ...

    def wait(self, cut: Cut, timeout_seconds: float) -> bool:
        """Wait until the log has grown past `cut`. False: it has not within the timeout.

        Raises
        ------
        LogUnavailableError
            As soon as the database cannot be asked; as every method that reads or writes does.
        """
        ...

    def trim(self, before: Cut) -> int:
        """Drop the hot segments that lie wholly before, and forget their ids. Returns how many records went."""
        ...

    def close(self) -> None:
        """Commit what is queued, and let go of everything."""
        ...
