"""The door: from the body of a request to valid events, and to reasons for the others.

`parse` takes the body apart (see `bodies`), `validate` looks at each event by itself (see `validation`).
"""

from __future__ import annotations

from collections.abc import Mapping

from anabranch import Stream
from eventlog.intake.bodies import CONTENT_TYPES, Take, ignored, parse
from eventlog.intake.body_limits import BodyLimits
from eventlog.intake.parsed_events import ParsedEvents
from eventlog.intake.validation import Admission, Rejected, validate

__all__ = ["CONTENT_TYPES", "Admission", "BodyLimits", "ParsedEvents", "Rejected", "admit", "parse", "validate"]


def admit(
    content_type: str | None,
    body: bytes,
    stream: Stream,
    *,
    limits: BodyLimits,
    now: int,
    headers: Mapping[str, str] | None = None,
    take: Take = ignored,
) -> Admission:
    """Parse and validate a request; raises what `parse` and `validate` raise.

    `take` is told how much memory it needs beyond the body, before it is taken, and may raise.
    """
    parsed = parse(content_type, body, stream, limits, headers, take)
    take(EVENT_BYTES * len(parsed.events))
    return validate(stream, parsed, now=now, limits=limits)


EVENT_BYTES = 1_000
"""About what an event takes beyond its text: its place in four columns, or the reason why it is refused."""
