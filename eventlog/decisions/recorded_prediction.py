"""Recorded predictions: what a model answered, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from eventlog.decisions.event_fields import EventFields
from eventlog.log.segment import Record

PREDICTIONS = "_predictions"
"""The stream of recorded predictions. Users cannot post to it: its name begins with ``_``."""


@dataclass(frozen=True, slots=True)
class RecordedPrediction:
    """A prediction as it is stored. The names of the attributes are those of the event, in its order.

    Attributes
    ----------
    prediction_id
        As the answer told it; the id of the record too.
    model
        The name of the model.
    time
        When it was predicted, ISO 8601 in UTC.
    prediction, probabilities, parts, weights, features
        As the answer had them; `probabilities` is None in a regression.
    generation, batch_cut, speed_cut
        What the answer rested on.
    versions
        The version of every expert that has versions, by its name.
    example
        What was asked about.
    example_id
        Its id in its stream, if it has one.
    """

    prediction_id: str
    model: str
    time: str
    prediction: Any
    probabilities: Mapping[str, float] | None
    parts: Mapping[str, Any]
    weights: Mapping[str, float]
    features: Mapping[str, Any]
    generation: int | None
    batch_cut: str | None
    speed_cut: str | None
    versions: Mapping[str, int]
    example: Any
    example_id: str | None

    @classmethod
    def of(cls, record: Record) -> RecordedPrediction:
        """Read the record; raises `CorruptLogError`."""
        found = EventFields.of(record)
        for name in ("prediction_id", "model", "time"):
            found.text(name)
        for name in ("parts", "weights", "features", "versions"):
            found.mapping(name)
        return cls(**{name: found.data.get(name) for name in NAMES})  # type: ignore[arg-type]  # checked above

    def event(self) -> dict[str, Any]:
        """What is stored."""
        return {name: getattr(self, name) for name in NAMES}


NAMES = tuple(field.name for field in fields(RecordedPrediction))
"""The names of the fields of the event, in its order."""
