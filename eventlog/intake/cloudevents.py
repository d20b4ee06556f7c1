"""CloudEvents 1.0: the event is `data`; the envelope fills in the stream's id and time where `data` has none.

Source: the CloudEvents specification 1.0.2, sections "Context attributes", its JSON format and its HTTP binding.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from anabranch import Stream
from anabranch.stored_events import input_name
from eventlog.intake.json_arrays import json_text
from eventlog.intake.parsed_events import ParsedEvents, Reason, reason

SPEC_VERSION = "1.0"
_REQUIRED = ("specversion", "id", "source", "type")


def structured(envelopes: list[Any], stream: Stream) -> ParsedEvents:
    """Events of envelopes that hold their data."""
    events: list[bytes] = []
    refused: dict[int, list[Reason]] = {}
    for index, envelope in enumerate(envelopes):
        event, reasons = _open(envelope, stream)
        if reasons:
            refused[index] = reasons
        events.append(json_text(envelope if reasons else event))
    return ParsedEvents(events, refused=refused)


def binary(headers: Mapping[str, str], body: bytes, stream: Stream) -> ParsedEvents:
    """The event of a request whose headers are the envelope and whose body is the data."""
    envelope: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    try:
        envelope["data"] = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return ParsedEvents([body], refused={0: [reason("data", f"not JSON: {error}", "json_invalid")]})
    return structured([envelope], stream)


def _open(envelope: Any, stream: Stream) -> tuple[dict[str, Any], list[Reason]]:
    """The event in an envelope, or why there is none."""
    if not isinstance(envelope, dict):
        return {}, [reason("", "a CloudEvent is a JSON object", "cloudevent", envelope)]
    reasons = [
        reason(name, f"a CloudEvent needs {name!r}, a text that is not empty", "cloudevent", envelope.get(name))
        for name in _REQUIRED
        if not isinstance(envelope.get(name), str) or not envelope[name]
    ]
    version = envelope.get("specversion")
    if not reasons and version != SPEC_VERSION:
        reasons.append(reason("specversion", f"only CloudEvents {SPEC_VERSION} can be read", "cloudevent", version))
    data = _data(envelope)
    if not isinstance(data, dict):
        reasons.append(reason("data", "the data of the CloudEvent must be a JSON object", "cloudevent", data))
    if reasons:
        return {}, reasons
    return {**_from_envelope(envelope, data, stream), **data}, []


def _data(envelope: dict[str, Any]) -> Any:
    if "data_base64" not in envelope:
        return envelope.get("data")
    try:
        return orjson.loads(base64.b64decode(envelope["data_base64"], validate=True))
    except (orjson.JSONDecodeError, binascii.Error, TypeError, ValueError):
        return envelope["data_base64"]


def _from_envelope(envelope: dict[str, Any], data: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """What the envelope says of the event's id and time, where the event does not say it itself."""
    filled = {}
    for name, attribute in ((stream.id, "id"), (stream.time, "time")):
        if name is None or attribute not in envelope:
            continue
        sent_as = input_name(name, stream.model.model_fields[name])
        if name not in data and sent_as not in data:
            filled[sent_as] = envelope[attribute]
    return filled
