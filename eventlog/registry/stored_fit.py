"""Whether stored events fit a schema that changed: what a schema may become is decided by them, not by a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError

from anabranch import Stream
from anabranch.stored_schema import StoredSchema, UserFunction
from eventlog.registry.schema_description import (
    Description,
    changed_kind,
    changed_roles,
    new_functions,
    removed_fields,
)


class StoredLot(NamedTuple):
    """Some stored events of a stream: the offset of each, and all of them as a JSON array."""

    offsets: Sequence[int]
    data: bytes


class Unfit(NamedTuple):
    """The first stored event that does not fit, and why."""

    offset: int
    reason: str


def first_unfit(stream: Stream, was: Description, now: Description, lots: Iterable[StoredLot]) -> Unfit | None:
    """The first stored event that the changed schema does not fit; None: it fits all.

    An event must be of the types and within the bounds of the model, pass the validators that are new or changed, and
    have no field that the model no longer has. Validators that the stream had before are not asked again: the event
    passed them as it was sent, and what they made of it is what is stored.
    """
    at_all = changed_roles(was, now) or changed_kind(was, now)
    check = _Check(stream, was, now)
    for lot in lots:
        if not lot.offsets:
            continue
        if at_all is not None:
            return Unfit(lot.offsets[0], at_all)
        found = check.first_unfit(lot)
        if found is not None:
            return found
    return None


class _Check:
    """All that the check of one stream needs, made once."""

    def __init__(self, stream: Stream, was: Description, now: Description):
        new = new_functions(was, stream)
        schema = StoredSchema(stream.checked, stream.stored.recorded, lambda found: _tried(found, new))
        self._many, self._one = schema.many(), schema.one()
        self._removed = removed_fields(was, now)
        texts = [field for field in stream.fields.values() if field.kind == "text" and field.convert is not None]
        self._texts = [f for f in texts if f.name in was["fields"] and was["fields"][f.name] != now["fields"][f.name]]

    def first_unfit(self, lot: StoredLot) -> Unfit | None:
        try:
            models = self._many.validate_json(lot.data)
        except Exception:  # a new validator may raise anything
            return self._first_invalid(lot)
        if self._removed or self._texts:
            for offset, event, model in zip(lot.offsets, orjson.loads(lot.data), models, strict=True):
                reason = self._changed(event, model)
                if reason is not None:
                    return Unfit(offset, reason)
        return None

    def _first_invalid(self, lot: StoredLot) -> Unfit | None:
        for offset, event in zip(lot.offsets, orjson.loads(lot.data), strict=True):
            try:
                self._one.validate_json(orjson.dumps(event))
            except ValidationError as error:
                return Unfit(offset, _told(error))
            except Exception as error:  # as above
                return Unfit(offset, f"{type(error).__name__}: {error}")
        return None

    def _changed(self, event: dict[str, Any], model: BaseModel) -> str | None:
        for name in self._removed:
            if name in event:
                return f"it has the field {name!r}, which the schema no longer has"
        for field in self._texts:  # another type may write the same text otherwise: keys of views would change
            text, value = event.get(field.name), field.plain_value(getattr(model, field.name))
            if isinstance(text, str) and text != value:
                return f"field {field.name!r}: {text!r} would become {value!r}"
        return None


def _tried(found: UserFunction, new: Sequence[UserFunction]) -> Callable[..., Any] | None:
    """What is called for a validator; None: nothing, the event passed it when it came in."""
    if not any(_same(found, other) for other in new):
        return None
    if found.mode == "after":
        return found.function
    return _patient(found)


def _same(one: UserFunction, other: UserFunction) -> bool:
    return (one.where, one.mode, one.function) == (other.where, other.mode, other.function)


def _patient(found: UserFunction) -> Callable[..., Any]:
    """A converter that may be asked about what it has made already: that it cannot take it is no verdict."""

    def convert(value: Any, *more: Any) -> Any:
        try:
            return found.function(value, *more)
        except (ValueError, AssertionError):  # which is how a validator says no
            raise
        except Exception:
            return more[0](value) if found.mode == "wrap" else value

    return convert


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, in a line."""
    first = error.errors(include_url=False, include_context=False)[0]
    field, message = ".".join(map(str, first["loc"])), str(first["msg"])
    shown = f"{first['input']!r}"
    value = "" if first["type"] == "missing" else f" (it is {shown if len(shown) <= 60 else shown[:60] + '…'})"
    return " ".join(f"{field}: {message}{value}".split() if field else f"{message}".split())


def lots_of(stream: str, segments: Iterable[Any]) -> Iterator[StoredLot]:
    """The segments of a stream as lots."""
    for segment in segments:
        if segment.stream == stream:
            yield StoredLot(range(segment.offset, segment.end), segment.data)
