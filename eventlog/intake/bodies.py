"""Bodies of requests: from bytes of one of many kinds to events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from anabranch import Stream
from eventlog.errors import MalformedBodyError, TooManyEventsError, UnsupportedContentTypeError
from eventlog.intake import cloudevents
from eventlog.intake.body_limits import BodyLimits
from eventlog.intake.json_arrays import elements, json_text, not_json
from eventlog.intake.parsed_events import ParsedEvents, too_large

Take = Callable[[int], object]
"""Is told how many bytes of memory are about to be taken beyond those that are known, and may raise."""
_BOM = b"\xef\xbb\xbf"
_BLOCK_BYTES = 2**20


def ignored(count: int) -> None:
    """Take it."""


def parse(
    content_type: str | None,
    body: bytes,
    stream: Stream,
    limits: BodyLimits | None = None,
    headers: Mapping[str, str] | None = None,
    take: Take = ignored,
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
    limits
        How many events there may be, and how large they may be. Absent: the usual ones.
    headers
        All headers, names in lower case; those that begin with ``ce-`` make a CloudEvent in binary mode.
    take
        Is told how many bytes of memory the body is about to unpack to, beyond its own size; may raise to refuse it.

    Raises
    ------
    UnsupportedContentTypeError, MalformedBodyError, TooManyEventsError, TooMuchUnpackedError
        Then the whole request is refused.
    """
    media_type, _, parameters = (content_type or "").partition(";")
    kind = media_type.strip().lower()
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if kind not in _READERS or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedContentTypeError(content_type or "", CONTENT_TYPES)
    if not body.strip():
        raise MalformedBodyError("the body is empty; send at least one event")
    limits = limits or BodyLimits()
    if headers and "ce-specversion" in headers and kind == "application/json":
        large = len(body) > limits.max_event_bytes
        parsed = _refused_unread(body, limits) if large else cloudevents.binary(headers, body, stream)
    else:
        parsed = _READERS[kind](body, stream, limits, take)
    if not parsed.events:
        raise MalformedBodyError("the body holds no event; send at least one")
    return parsed


def _read_json(body: bytes, _stream: Stream, limits: BodyLimits, _take: Take) -> ParsedEvents:
    body = body.removeprefix(_BOM)
    event = body.strip()
    if event[:1] != b"[":
        if len(event) > limits.max_event_bytes:
            return _refused_unread(event, limits)
        load_json(body)
        return ParsedEvents([event])
    parsed = ParsedEvents([])
    for stretch in _elements(body, limits):
        if isinstance(stretch, bytes):
            parsed.extend(_refused_unread(stretch, limits))
        else:
            parsed.events.extend(map(json_text, stretch))
    return parsed


def _read_ndjson(body: bytes, _stream: Stream, limits: BodyLimits, _take: Take) -> ParsedEvents:
    events: list[bytes] = []
    numbers: Sequence[int] = ()
    first = 1
    for block in _blocks(body.removeprefix(_BOM)):
        lines = list(map(bytes.strip, block.split(b"\n")))
        if not lines[-1]:
            lines.pop()
        places: Sequence[int] = range(first, first + len(lines))
        if not all(lines):
            places = [number for number, line in zip(places, lines, strict=True) if line]
            lines = list(filter(None, lines))
        numbers = [*numbers, *places] if events else places
        events += lines
        if len(events) > limits.max_events:
            raise TooManyEventsError(limits.max_events)
        first += block.count(b"\n") + 1
    return ParsedEvents(events, numbers)


def _blocks(body: bytes) -> Iterator[bytes]:
    """The body in blocks of whole lines: it may have as many lines as bytes, and each is an object."""
    begin = 0
    while begin < len(body):
        end = body.find(b"\n", begin + _BLOCK_BYTES)
        end = len(body) if end < 0 else end
        yield body[begin:end]
        begin = end + 1


def _read_cloudevent(body: bytes, stream: Stream, limits: BodyLimits, _take: Take) -> ParsedEvents:
    if len(body) > limits.max_event_bytes:
        return _refused_unread(body, limits)
    return cloudevents.structured([load_json(body)], stream)


def _read_cloudevents(body: bytes, stream: Stream, limits: BodyLimits, _take: Take) -> ParsedEvents:
    if body.lstrip()[:1] != b"[":
        if len(body) <= limits.max_event_bytes:
            load_json(body)
        raise MalformedBodyError("a batch of CloudEvents is a JSON array")
    parsed = ParsedEvents([])
    for stretch in _elements(body, limits):
        if isinstance(stretch, bytes):
            parsed.extend(_refused_unread(stretch, limits))
        else:
            parsed.extend(cloudevents.structured(stretch, stream))
    return parsed


def _read_arrow(body: bytes, stream: Stream, limits: BodyLimits, take: Take) -> ParsedEvents:
    from eventlog.intake import arrow_bodies  # pyarrow takes long to load, and few send it

    return arrow_bodies.rows(body, stream, limits, take)


def _elements(body: bytes, limits: BodyLimits) -> Iterator[list[Any] | bytes]:
    return elements(body, limits.max_events, limits.max_event_bytes)


def _refused_unread(event: bytes, limits: BodyLimits) -> ParsedEvents:
    return ParsedEvents([event], refused={0: [too_large(len(event), limits.max_event_bytes)]})


def load_json(body: bytes) -> Any:
    """A JSON value; `MalformedBodyError` with the line where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_json(error, body) from None


_READERS: dict[str, Callable[[bytes, Stream, BodyLimits, Take], ParsedEvents]] = {
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
