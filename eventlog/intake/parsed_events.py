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
        text = value if isinstance(value, str) else repr(value)
        told["input"] = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return told


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
