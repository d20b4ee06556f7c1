"""Validation: each event by itself, and in which form it is stored.

An event of a plain stream (see `Stream.plain`) that is strictly valid is stored as it was sent, with the defaults of
what it leaves out. One that is valid only by a conversion (``"5"`` for a number) is stored converted, and an event of
another stream as its validators left it: readers validate no more. See `stored_form`.
"""

from __future__ import annotations

import traceback
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from anabranch import Stream
from eventlog.errors import MalformedBodyError
from eventlog.intake.body_limits import BodyLimits
from eventlog.intake.event_checks import EventChecks, Examined
from eventlog.intake.parsed_events import MAX_REASONS, ParsedEvents, Reason, reason, too_large
from eventlog.intake.stored_form import StoredForm
from eventlog.log import Append

_MAX_LISTED = 1_000
"""Of more problems than this in one event none is listed: each is an object of some hundred bytes."""
_MAX_REASONS_TOGETHER = 20_000
"""Once a request has so many reasons, each further event is told its first one only."""
_ALONE_BYTES = 64 * 1024
_ALONE = Lock()
"""Events larger than that are validated one after the other, whatever thread they are in: each of the problems that
pydantic finds in one, and there may be one for every three bytes, takes some hundred bytes until all are found."""
_STRETCH_BYTES = 2**20
"""How much of a request is parsed at once: its objects take many times as much."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that was refused.

    Attributes
    ----------
    index
        Its 0-based place among the events of the request.
    errors
        The reasons.
    body
        The event as it came.
    """

    index: int
    errors: list[Reason]
    body: bytes


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be appended, and what may not, in the order it came."""

    append: Append
    rejected: list[Rejected]


def validate(stream: Stream, parsed: ParsedEvents, *, now: int, limits: BodyLimits) -> Admission:
    """Look at every event of a request.

    Parameters
    ----------
    stream
        Where they are posted to.
    parsed
        The events.
    now
        The clock, in microseconds.
    limits
        How large an event may be, and how far ahead its time.

    Raises
    ------
    MalformedBodyError
        If a line of NDJSON is not JSON: then the whole request is refused.
    """
    return _door(stream).validate(parsed, now + limits.max_future_us, limits.max_event_bytes)


@lru_cache(maxsize=256)
def _door(stream: Stream) -> _Door:
    return _Door(stream)


class _Door:
    """All that validation needs to know of a stream, looked up once."""

    def __init__(self, stream: Stream):
        self._stream = stream
        self._checks = EventChecks(stream)
        self._storable = StoredForm(stream)
        self._validate_json = stream.checked.__pydantic_validator__.validate_json

    def validate(self, parsed: ParsedEvents, latest: int, most_bytes: int) -> Admission:
        if sum(map(len, parsed.events)) <= min(most_bytes, _ALONE_BYTES):  # so is each of them
            return self._admission(parsed, latest, 0)
        sizes = list(map(len, parsed.events))
        largest = max(sizes)
        if largest > most_bytes:
            large = {index: [too_large(size, most_bytes)] for index, size in enumerate(sizes) if size > most_bytes}
            parsed = replace(parsed, refused={**large, **parsed.refused})
        if sum(sizes) <= _STRETCH_BYTES:
            return self._in_turn(parsed, largest, latest, 0)
        whole = Admission(Append(self._stream.name, [], [], [], []), [])
        reasons = 0
        for begin, end in _stretches(sizes):
            part = self._in_turn(_between(parsed, begin, end), max(sizes[begin:end]), latest, reasons)
            _extend(whole, part, begin)
            reasons += sum(len(event.errors) for event in part.rejected)
        return whole

    def _in_turn(self, parsed: ParsedEvents, largest: int, latest: int, reasons_before: int) -> Admission:
        """As `_admission`, where the largest event has so many bytes; what has large ones waits for its turn."""
        if largest <= _ALONE_BYTES:
            return self._admission(parsed, latest, reasons_before)
        with _ALONE:
            return self._admission(parsed, latest, reasons_before)

    def _admission(self, parsed: ParsedEvents, latest: int, reasons_before: int) -> Admission:
        """Look at a stretch of the events of a request, which has had so many reasons before."""
        refused = dict(parsed.refused)
        values = self._strict(parsed) if self._stream.plain else {}
        strict = list(values.values())
        sent = parsed.events if len(strict) == len(parsed.events) else [parsed.events[index] for index in values]
        stored = self._storable.complete(sent, strict)
        if len(strict) == len(parsed.events) and not refused:
            columns = self._checks.examine_all(strict, latest)
            if columns is not None:
                return Admission(Append(self._stream.name, *columns, stored), [])
        append = Append(self._stream.name, [], [], [], [])
        completed_by_index = dict(zip(values, stored, strict=True))
        for index, event in enumerate(parsed.events):
            if index in refused:
                continue
            try:
                completed = completed_by_index.get(index, event)
                (id_, key, time, reasons), form = self._admit(completed, values.get(index), latest)
            except ValidationError as error:
                reasons = _reasons(error, None if parsed.lines is None else parsed.lines[index])
            except orjson.JSONDecodeError as error:
                reasons = [reason("", f"not JSON: {error}", "json_invalid")]
            except Exception as error:  # a validator of the user may raise anything; it harms this event alone
                reasons = [reason("", raised(error), "validator_raised")]
            if reasons:
                refused[index] = reasons[:1] if reasons_before > _MAX_REASONS_TOGETHER else reasons
                reasons_before += len(reasons)
                continue
            append.ids.append(id_)
            append.keys.append(key)
            append.times.append(time)
            append.data.append(form)
        return Admission(append, [Rejected(i, refused[i], parsed.events[i]) for i in sorted(refused)])

    def _strict(self, parsed: ParsedEvents) -> dict[int, dict[str, Any]]:
        """By index, the values of the events that may be stored as they are."""
        validate_json = self._validate_json
        passed: list[int] = []
        places = enumerate(parsed.events)
        for index, event in [place for place in places if place[0] not in parsed.refused] if parsed.refused else places:
            try:
                validate_json(event, strict=True)
            except ValidationError:  # the second try, without `strict`, tells why
                continue
            passed.append(index)
        chosen = [parsed.events[index] for index in passed]
        try:  # all at once: pydantic has seen that each is a JSON value by itself
            return dict(zip(passed, orjson.loads(b"[%b]" % b",".join(chosen)), strict=True))
        except orjson.JSONDecodeError:
            return {index: value for index in passed if (value := _load(parsed.events[index])) is not None}

    def _admit(self, event: bytes, value: dict[str, Any] | None, latest: int) -> tuple[Examined, bytes]:
        """Examine an event and say in which form it is stored; `value`: it is strictly valid."""
        if value is not None:
            try:
                return self._checks.examine(value, latest), event
            except ValueError:  # a datetime in a form that only pydantic reads
                pass
        model = self._validate_json(event)
        form = b"%b" % self._storable.form(event, model)  # a copy of its size, as in `json_arrays.json_text`
        return self._checks.examine(vars(model), latest), form


def _stretches(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """(begin, end) of consecutive events of about `_STRETCH_BYTES` together; one may be larger."""
    ends = list(accumulate(sizes))
    begin = before = 0
    while begin < len(ends):
        end = max(begin + 1, bisect_right(ends, before + _STRETCH_BYTES, begin))
        yield begin, end
        begin, before = end, ends[end - 1]


def _between(parsed: ParsedEvents, begin: int, end: int) -> ParsedEvents:
    refused = {i - begin: parsed.refused[i] for i in range(begin, end) if i in parsed.refused} if parsed.refused else {}
    return ParsedEvents(parsed.events[begin:end], parsed.lines and parsed.lines[begin:end], refused)


def _extend(whole: Admission, part: Admission, begin: int) -> None:
    for name in ("ids", "keys", "times", "data"):
        getattr(whole.append, name).extend(getattr(part.append, name))
    whole.rejected.extend(replace(event, index=begin + event.index) for event in part.rejected)


def raised(error: Exception) -> str:
    """What a function of the user raised, and where."""
    text = traceback.format_exception_only(error)[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    of_user = [frame for frame in frames if Path(frame.filename).parent != _OURS]
    if not of_user:
        return text
    return f"{text} ({Path(of_user[-1].filename).name}:{of_user[-1].lineno} in {of_user[-1].name})"


_OURS = Path(__file__).parent


def _load(event: bytes) -> Any:
    """A JSON value; None where pydantic has seen one but there is none: NaN and infinity."""
    try:
        return orjson.loads(event)
    except orjson.JSONDecodeError:
        return None


def listed(error: ValidationError) -> list[ErrorDetails]:
    """The first problems that pydantic found, and no more than may be told."""
    if (count := error.error_count()) > _MAX_LISTED:
        message = f"{count:,} problems, too many to list them"
        return [{"type": "too_many_errors", "loc": (), "msg": message, "input": None}]
    return error.errors(include_url=False, include_context=False)[:MAX_REASONS]


def _reasons(error: ValidationError, line: int | None) -> list[Reason]:
    """Why an event is not valid; raises `MalformedBodyError` for a line that is not even JSON."""
    reasons = []
    for found in listed(error):
        field, message, type_ = ".".join(map(str, found["loc"])), found["msg"], found["type"]
        if type_ == "json_invalid" and line is not None:
            raise MalformedBodyError(message, line)
        if type_ == "model_type":
            message = "an event must be a JSON object"
        reasons.append(reason(field, message, type_, None if type_ in ("missing", "json_invalid") else found["input"]))
    return reasons
