"""What is decided of models, and what the speed layer found of them: promotion, rollback, drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from eventlog.decisions.event_fields import EventFields
from eventlog.log.segment import Record


@dataclass(frozen=True, slots=True)
class ModelPromoted:
    """Somebody made a version of a model the champion.

    Attributes
    ----------
    model
        Its name.
    version
        The champion from this place of the log on.
    previous
        Who was it when that was decided; None: nobody. For people: what is in force follows from the log alone.
    """

    KIND: ClassVar[str] = "model_promoted"

    model: str
    version: int
    previous: int | None

    @classmethod
    def of(cls, record: Record) -> ModelPromoted:
        """Read the record; raises `CorruptLogError`."""
        fields = EventFields.of(record)
        return cls(fields.text("model"), fields.number("version"), fields.number_or_none("previous"))

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "model": self.model, "version": self.version, "previous": self.previous}


@dataclass(frozen=True, slots=True)
class ModelRolledBack:
    """Somebody went back to an earlier champion of a model.

    Attributes
    ----------
    model
        Its name.
    version
        The champion from this place of the log on.
    previous
        As in `ModelPromoted`.
    """

    KIND: ClassVar[str] = "model_rolled_back"

    model: str
    version: int
    previous: int | None

    @classmethod
    def of(cls, record: Record) -> ModelRolledBack:
        """Read the record; raises `CorruptLogError`."""
        fields = EventFields.of(record)
        return cls(fields.text("model"), fields.number("version"), fields.number_or_none("previous"))

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "model": self.model, "version": self.version, "previous": self.previous}


@dataclass(frozen=True, slots=True)
class DriftDetected:
    """The drift detector of a model raised an alarm.

    Attributes
    ----------
    model
        Its name.
    offset
        The record at which it did.
    detector
        Which one, for people.
    """

    KIND: ClassVar[str] = "drift_detected"

    model: str
    offset: int
    detector: str

    @classmethod
    def of(cls, record: Record) -> DriftDetected:
        """Read the record; raises `CorruptLogError`."""
        fields = EventFields.of(record)
        return cls(fields.text("model"), fields.offset("at"), fields.text("detector"))

    @property
    def at(self) -> str:
        """The place of the record at which the alarm was raised, as people read it."""
        return f"0:{self.offset}"

    @property
    def id(self) -> str:
        """What finds it in the log: a fold that repeats itself after a restart writes no alarm twice."""
        return f"drift:{self.model}:{self.offset}"

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "model": self.model, "at": self.at, "detector": self.detector}
