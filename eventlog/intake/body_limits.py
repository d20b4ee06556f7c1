"""What a request may be: how many events, how large, how far ahead."""

from __future__ import annotations

from dataclasses import dataclass


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
        How large: what is sent, which the server checks while it reads, and what that unpacks to.
    max_event_bytes
        How large one event may be, as JSON text.
    """

    max_events: int = 100_000
    max_future_us: int = 3_600_000_000
    max_body_bytes: int = 32 * 2**20
    max_event_bytes: int = 2**20
