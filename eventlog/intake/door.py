"""The door: from the body of a request to valid events, and to reasons for the others.

`parse` takes the body apart (see `bodies`), `validate` looks at each event by itself (see `validation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anabranch import Stream
from eventlog.intake.bodies import CONTENT_TYPES, parse
from eventlog.intake.parsed_events import ParsedEvents
from eventlog.intake.validation import Admission, Rejected, validate

__all__ = ["CONTENT_TYPES", "Admission", "BodyLimits", "ParsedEvents", "Rejected", "admit", "parse", "validate"]


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a request may be.

    Attributes
    ----------
    max_events
        How many events.
    max_future_us
        How far ahead of the clock an event time may be, in microseconds.
    max_body_bytes
        How large, which the server checks while it reads.
    """

    max_events: int = 100_000
    max_future_us: int = 3_600_000_000
    max_body_bytes: int = 32 * 2**20


def admit(
    content_type: str | None,
    body: bytes,
    stream: Stream,
    *,
    limits: BodyLimits,
    now: int,
    headers: Mapping[str, str] | None = None,
) -> Admission:
    """Parse and validate a request; raises what `parse` and `validate` raise."""
    parsed = parse(content_type, body, stream, limits.max_events, headers)
    return validate(stream, parsed, now=now, max_future_us=limits.max_future_us)
