"""What a batch run writes into the log: that it began, that it published a generation, or that it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from anabranch import Cut
from eventlog.decisions.event_fields import EventFields
from eventlog.log.segment import Record


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """A batch run began. The offset of this very record is its cut: it covers every record before.

    Attributes
    ----------
    run
        The id of the run.
    """

    KIND: ClassVar[str] = "batch_started"

    run: str

    @classmethod
    def of(cls, record: Record) -> BatchStarted:
        """Read the record; raises `CorruptLogError`."""
        return cls(EventFields.of(record).text("run"))

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "run": self.run}


@dataclass(frozen=True, slots=True)
class BatchFailed:
    """A batch run ended without publishing: the epoch that it opened belongs to the one before.

    Attributes
    ----------
    run
        The id of the run.
    error
        Why, for people.
    """

    KIND: ClassVar[str] = "batch_failed"

    run: str
    error: str

    @classmethod
    def of(cls, record: Record) -> BatchFailed:
        """Read the record; raises `CorruptLogError`."""
        fields = EventFields.of(record)
        return cls(fields.text("run"), fields.text("error", default=""))

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {"kind": self.KIND, "run": self.run, "error": self.error}


@dataclass(frozen=True, slots=True)
class Publication:
    """A batch run published a generation: the batch layer answers for ``[0, cut)``.

    Attributes
    ----------
    generation
        Its number.
    cut
        What it covers: every record before.
    manifest_sha256
        The digest of its manifest, which names all its files by theirs.
    run
        The id of the run.
    promoted
        By model, the version that becomes the champion at this place of the log: versions that passed their gate.
    """

    KIND: ClassVar[str] = "batch_published"

    generation: int
    cut: Cut
    manifest_sha256: str
    run: str
    promoted: Mapping[str, int] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, record: Record) -> Publication:
        """Read the record; raises `CorruptLogError`."""
        return cls.read(EventFields.of(record))

    @classmethod
    def read(cls, fields: EventFields) -> Publication:
        """Read the event, wherever it is kept; a checkpoint keeps that of the generation it goes on from."""
        return cls(
            fields.number("generation"),
            fields.cut("cut"),
            fields.text("manifest_sha256"),
            fields.text("run"),
            fields.numbers("promoted", default={}),  # absent before there were models
        )

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {
            "kind": self.KIND,
            "run": self.run,
            "generation": self.generation,
            "cut": str(self.cut),
            "manifest_sha256": self.manifest_sha256,
            "promoted": dict(self.promoted),
        }
