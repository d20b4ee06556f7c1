"""Somebody took an event out of its stream: the decision, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from anabranch import Cut
from eventlog.decisions.event_fields import EventFields
from eventlog.errors import NotRetractableError
from eventlog.log import Log
from eventlog.log.retraction import RETRACTED, Retraction
from eventlog.log.segment import Record


@dataclass(frozen=True, slots=True)
class EventRetracted:
    """An event counts as if it had never been, from this place of the log on; see `eventlog.log.retraction`.

    Attributes
    ----------
    stream, offset
        Which event.
    reason
        Why, for people.
    """

    KIND: ClassVar[str] = "event_retracted"

    stream: str
    offset: int
    reason: str

    @classmethod
    def of(cls, record: Record) -> EventRetracted:
        """Read the record; raises `CorruptLogError`."""
        fields = EventFields.of(record)
        return cls(fields.text("stream"), fields.offset("at"), fields.text("reason", default=""))

    @property
    def at(self) -> str:
        """The place of the event, as people read it."""
        return f"0:{self.offset}"

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "stream": self.stream, "at": self.at, "reason": self.reason}


def retractable(log: Log, offset: int) -> Record:
    """The event that stands at an offset.

    Raises
    ------
    NotRetractableError
        If the log has no record there, or one of the system's own, or one that was taken out before.
    """
    if not 0 <= offset < log.end().offsets[0]:
        raise NotRetractableError(offset, f"the log ends at {log.end()}")
    record = next(log.read(Cut((offset,)), 1)[0].head(offset + 1).records())
    if record.stream == RETRACTED:
        raise NotRetractableError(offset, "it was taken out before")
    if record.stream.startswith("_"):
        raise NotRetractableError(offset, f"it is a record of the system's own stream {record.stream!r}")
    return record


def retract(log: Log, offset: int, reason: str) -> EventRetracted:
    """Take an event out; raises as `retractable` does. It is in force when this returns.

    Its id, if it has one, may come again: whoever sends the event once more, put right, is not told that it is there.
    """
    record = retractable(log, offset)
    decision = EventRetracted(record.stream, offset, reason)
    log.mark(decision.event(), retracts=Retraction(record.stream, offset, record.id))
    return decision
