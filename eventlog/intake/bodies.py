"""Bodies of requests: from bytes of one of many kinds to events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from anabranch import Stream
from eventlog.errors import MalformedBodyError, TooManyEventsError, UnsupportedContentTypeError
from eventlog.intake import cloudevents
from eventlog.intake.parsed_events import ParsedEvents

_BOM = b"\xef\xbb\xbf"


def parse(
    content_type: str | None,
    body: bytes,
    stream: Stream,
    max_events: int = 100_000,
    headers: Mapping[str, str] | None = None,
) -> ParsedEvents:
    """Take a request apart.

    Parameters
    ----------
    content_type
        The header of that name.
    body
        The body, decompressed.
    stream
        Where the events are posted to.
    max_events
        How many there may be.
    headers
        All headers, names in lower case; those that begin with ``ce-`` make a CloudEvent in binary mode.

    Raises
    ------
    UnsupportedContentTypeError, MalformedBodyError, TooManyEventsError
        Then the whole request is refused.
    """
    media_type, _, parameters = (content_type or "").partition(";")
    kind = media_type.strip().lower()
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if kind not in _READERS or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedContentTypeError(content_type or "", CONTENT_TYPES)
    if not body.strip():
        raise MalformedBodyError("the body is empty; send at least one event")
    if headers and "ce-specversion" in headers and kind == "application/json":
        parsed = cloudevents.binary(headers, body, stream)
    else:
        parsed = _READERS[kind](body, stream, max_events)
    if not parsed.events:
        raise MalformedBodyError("the body holds no event; send at least one")
    if len(parsed.events) > max_events:
        raise TooManyEventsError(max_events)
    return parsed


def _read_json(body: bytes, _stream: Stream, _max_events: int) -> ParsedEvents:
    body = body.removeprefix(_BOM)
    value = load_json(body)
    if isinstance(value, list):
        return ParsedEvents([orjson.dumps(event) for event in value])
    return ParsedEvents([body.strip()])


def _read_ndjson(body: bytes, _stream: Stream, max_events: int) -> ParsedEvents:
    lines = list(map(bytes.strip, body.removeprefix(_BOM).split(b"\n")))
    if not lines[-1]:
        lines.pop()
    if all(lines):
        return ParsedEvents(lines, range(1, len(lines) + 1))
    numbers = [number for number, line in enumerate(lines, 1) if line]
    if len(numbers) > max_events:
        raise TooManyEventsError(max_events)
    return ParsedEvents([line for line in lines if line], numbers)


def _read_cloudevent(body: bytes, stream: Stream, _max_events: int) -> ParsedEvents:
    return cloudevents.structured([load_json(body)], stream)


def _read_cloudevents(body: bytes, stream: Stream, max_events: int) -> ParsedEvents:
    envelopes = load_json(body)
    if not isinstance(envelopes, list):
        raise MalformedBodyError("a batch of CloudEvents is a JSON array")
    if len(envelopes) > max_events:
        raise TooManyEventsError(max_events)
    return cloudevents.structured(envelopes, stream)


def _read_arrow(body: bytes, stream: Stream, max_events: int) -> ParsedEvents:
    from eventlog.intake import arrow_bodies  # pyarrow takes long to load, and few send it

    return arrow_bodies.rows(body, stream, max_events)


def load_json(body: bytes) -> Any:
    """A JSON value; `MalformedBodyError` with the line where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            body.decode()
        except UnicodeDecodeError as wrong:
            line = body.count(b"\n", 0, wrong.start) + 1
            raise MalformedBodyError(f"not JSON: byte {wrong.start} is not UTF-8", line) from None
        raise MalformedBodyError(f"not JSON: {error}", error.lineno) from None


_READERS: dict[str, Callable[[bytes, Stream, int], ParsedEvents]] = {
    "application/json": _read_json,
    "application/x-ndjson": _read_ndjson,
    "application/ndjson": _read_ndjson,
    "application/jsonl": _read_ndjson,
    "application/vnd.apache.arrow.stream": _read_arrow,
    "application/cloudevents+json": _read_cloudevent,
    "application/cloudevents-batch+json": _read_cloudevents,
}
CONTENT_TYPES = tuple(_READERS)
"""The kinds of bodies that can be read."""
