"""Decisions: the events of the system's own stream, each of a type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch import SYSTEM
from eventlog.decisions.batch_decisions import BatchFailed, BatchStarted, Publication
from eventlog.decisions.event_fields import EventFields
from eventlog.decisions.event_retracted import EventRetracted
from eventlog.decisions.model_decisions import DriftDetected, ModelPromoted, ModelRolledBack
from eventlog.log.segment import Record, Segment


@dataclass(frozen=True, slots=True)
class UnknownDecision:
    """A decision of a kind that this version does not know: a later one wrote it. Nobody acts on it.

    Attributes
    ----------
    kind
        What it calls itself.
    data
        The whole event.
    """

    kind: str
    data: Mapping[str, Any] = field(hash=False)

    @classmethod
    def of(cls, record: Record) -> UnknownDecision:
        """Keep the record as it is; raises `CorruptLogError` if it has no kind."""
        return cls(EventFields.of(record).text("kind"), record.data)

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return dict(self.data)


Decision = (
    BatchStarted
    | BatchFailed
    | Publication
    | ModelPromoted
    | ModelRolledBack
    | DriftDetected
    | EventRetracted
    | UnknownDecision
)
"""Any of them; to be told apart by ``match`` on the type."""

_READ: Mapping[str, Callable[[Record], Decision]] = {
    known.KIND: known.of
    for known in (BatchStarted, BatchFailed, Publication, ModelPromoted, ModelRolledBack, DriftDetected, EventRetracted)
}


def decision_of(record: Record) -> Decision:
    """Read a record of the system's stream.

    Raises
    ------
    CorruptLogError
        If it is of a known kind and not what was written; it names the offset and the field.
    """
    return _READ.get(EventFields.of(record).text("kind"), UnknownDecision.of)(record)


def decisions_of(segment: Segment) -> Iterator[tuple[Record, Decision]]:
    """The decisions in a segment, each with its record; none, if it is of another stream."""
    if segment.stream == SYSTEM:
        for record in segment.records():
            yield record, decision_of(record)


def retracted_by(segment: Segment) -> list[int]:
    """The offsets of events that decisions of a segment take out."""
    return [decision.offset for _, decision in decisions_of(segment) if isinstance(decision, EventRetracted)]
