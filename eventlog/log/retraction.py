"""Taking an event out of the log's streams: what every reader of the log sees from then on.

A log is only ever appended to, so an event that should never have been taken, like one from a clock that was years
ahead, cannot be removed from it. It is *retracted*: a decision at the end of the log says so, and from then on the
record reads as one of the stream `RETRACTED`, which nobody folds. Its offset stays, so that offsets are dense.

What was made of the log before, by whoever had folded the event already, is made again without it: see
`speed.recovery` and `batch.run`. An offset alone says whether that is so: a state that has left out all events that
were retracted before its cut is the state of a log in which they never were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert, select

from eventlog.log.prepared_statement import PreparedStatement
from eventlog.log.segment import Segment
from eventlog.registry.tables import retractions

RETRACTED = "_retracted"
"""The stream that a retracted record reads as one of. No stream of an application may begin with ``_``."""
Retracted = Mapping[int, int]
"""By offset of an event that was taken out, the offset of the decision that says so."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """An event that a decision takes out: its stream, its offset, and its id, which may come again afterwards."""

    stream: str
    offset: int
    id: str | None


def without(segments: Iterable[Segment], retracted: Retracted) -> list[Segment]:
    """The same records, those that were retracted as records of `RETRACTED`."""
    if not retracted:
        return list(segments)
    found: list[Segment] = []
    for segment in segments:
        found += _parted(segment, sorted(offset for offset in retracted if segment.offset <= offset < segment.end))
    return found


def _parted(segment: Segment, offsets: list[int]) -> Iterator[Segment]:
    rest = segment
    for offset in offsets:
        if rest.offset < offset:
            yield rest.head(offset)
        yield replace(rest.tail(offset).head(offset + 1), stream=RETRACTED)
        if rest.end == offset + 1:
            return
        rest = rest.tail(offset + 1)
    yield rest


# in the database: an index of what the decisions say, written in the transaction that appends them


_SELECT = PreparedStatement(select(retractions.c.offset, retractions.c.decided))


def select_retracted(connection: Connection) -> Retracted:
    """All that were taken out of the log."""
    return dict(_SELECT.rows(connection, {}))


def note_retraction(connection: Connection, partition: int, retraction: Retraction, decided: int) -> None:
    """Note that an event is taken out by the decision at offset `decided`, in the transaction that appends it."""
    row = {"partition": partition, "offset": retraction.offset, "stream": retraction.stream, "decided": decided}
    connection.execute(insert(retractions).values(row))
