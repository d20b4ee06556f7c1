"""Samples of features: what the speed layer froze of some examples, for the batch layer to hold its own against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.features import Features
from eventlog.decisions.event_fields import EventFields
from eventlog.log.segment import Record

FEATURES = "_features"
"""The stream of the samples. Users cannot post to it: its name begins with ``_``."""


@dataclass(frozen=True, slots=True)
class FeatureSample:
    """The features of one example, frozen just before it in the order of the log.

    Attributes
    ----------
    model, fingerprint
        The name of the model, and of which definition it was.
    offset
        The place of the example.
    features
        What its features function returned.
    """

    model: str
    fingerprint: str
    offset: int
    features: Features

    @classmethod
    def of(cls, record: Record) -> FeatureSample:
        """Read the record; raises `CorruptLogError`."""
        return cls.read(EventFields.of(record))

    @classmethod
    def read(cls, fields: EventFields) -> FeatureSample:
        """Read the event, also where the lake hands it out without its record."""
        model, fingerprint = fields.text("model"), fields.text("fingerprint")
        return cls(model, fingerprint, fields.offset("at"), fields.mapping("features"))

    @property
    def id(self) -> str:
        """What finds it in the log: a fold that repeats itself after a restart writes no sample twice."""
        return f"{self.model}:{self.fingerprint}:{self.offset}"

    def event(self) -> Mapping[str, Any]:
        """What is stored."""
        return {
            "model": self.model,
            "fingerprint": self.fingerprint,
            "at": self.offset,
            "features": self.features,
        }
