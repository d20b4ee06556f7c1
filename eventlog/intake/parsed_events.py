"""A request taken apart into events, before anybody looked into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Reason = dict[str, Any]
"""Why an event is refused: ``field`` (dotted path; empty: the event as a whole), ``message``, ``type`` and, where it
helps, ``input``."""


def reason(field_name: str, message: str, type_: str, value: object = None) -> Reason:
    """A reason, with the value that it is about cut short, and a message that is very long."""
    if len(message) > _MESSAGE:  # a validator may say the whole value
        message = f"{message[:_MESSAGE]}…"
    told: Reason = {"field": field_name, "message": message, "type": type_}
    if value is not None:
        text = value if isinstance(value, str) else _written(value)
        told["input"] = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return told


def too_large(size: int, most: int) -> Reason:
    """Why an event of `size` bytes is refused."""
    message = f"the event has {size:,} bytes; at most {most:,} (ANABRANCH_MAX_EVENT_BYTES) are taken"
    return reason("", message, "too_large")


def _written(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:  # lists within lists within lists
        return "a value nested too deeply"


MAX_REASONS = 20
"""How many are told of one event."""
_SHOWN, _MESSAGE = 100, 1_000


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """The events of a request.

    Attributes
    ----------
    events
        Each as JSON text (a line of NDJSON may yet turn out not to be).
    lines
        The 1-based line of each, in a body that has lines.
    refused
        By index, the events that need no further look.
    """

    events: list[bytes]
    lines: Sequence[int] | None = None
    refused: dict[int, list[Reason]] = field(default_factory=dict)

    def refuse(self, event: bytes, reasons: list[Reason]) -> None:
        """Add an event that needs no further look."""
        self.refused[len(self.events)] = reasons
        self.events.append(event)

    def extend(self, others: ParsedEvents) -> None:
        """Add events behind these."""
        first = len(self.events)
        self.refused.update({first + index: reasons for index, reasons in others.refused.items()})
        self.events.extend(others.events)
