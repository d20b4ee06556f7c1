"""What a field of an event holds, and how its value becomes plain data that an aggregate can take."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from uuid import UUID

from pydantic import AnyUrl, AwareDatetime
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from anabranch.instant import instant_us

Kind = typing.Literal["integer", "number", "boolean", "text", "instant", "other"]
"""integer, number, boolean, text: as in JSON. instant: a datetime, inside as microseconds. other: the rest."""

Convert = Callable[[typing.Any], typing.Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a stream's events.

    Attributes
    ----------
    name
        As in the pydantic model.
    kind
        What it holds.
    items
        The kind of the items, where the field is a list of plain values; else None.
    plain
        A value that passed strict validation is, as JSON, already what the model holds (an instant: its ISO text).
    default
        What it means that an event which comes in leaves it out. Required fields have None, which is never asked for.
    convert
        Turns a value that is not None into the plain data of `kind`; None where it already is that.
    """

    name: str
    kind: Kind
    items: Kind | None
    plain: bool
    default: object
    convert: Convert | None

    @classmethod
    def of(cls, name: str, info: FieldInfo) -> Field:
        """Read a pydantic field."""
        annotation = _without_none(info.annotation)
        kind, plain, convert = _scalar(annotation)
        items: Kind | None = None
        if typing.get_origin(annotation) is list and (arguments := typing.get_args(annotation)):
            items, plain, _ = _scalar(arguments[0])
            plain = plain and items != "instant"
        plain = plain and info.default_factory is None and not _transforms(info)
        default = None if info.default is PydanticUndefined else info.default
        return cls(name, kind, items, plain, default, convert)

    def plain_value(self, value: object) -> object:
        """A value as the plain data of `kind`; None where it is none, as what a validator of the user made of it."""
        if value is None or self.kind == "other":
            return value
        try:
            found: object = value if self.convert is None else self.convert(value)
        except Exception:  # what a validator has put there may be anything
            return None
        if not isinstance(found, _PLAIN_TYPE_BY_KIND[self.kind]):
            return None
        return found if not isinstance(found, float) or isfinite(found) else None

    @property
    def has_plain_default(self) -> bool:
        """Whether the default, if there is one, is a value that an event could have sent: pydantic does not check."""
        if self.default is None or self.kind == "other":
            return True
        if isinstance(self.default, str) and self.kind != "text":
            return False
        try:
            value = self.default if self.convert is None else self.convert(self.default)
        except (ValueError, TypeError, AttributeError, OverflowError):
            return False
        fits = isinstance(value, _PLAIN_TYPE_BY_KIND[self.kind]) and isinstance(value, bool) == (self.kind == "boolean")
        if isinstance(value, float):
            return fits and isfinite(value)
        return fits and (not isinstance(value, int) or -(2**63) <= value < 2**63)


def _without_none(annotation: typing.Any) -> typing.Any:
    """``X`` of ``X | None``."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        others = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
        if len(others) == 1:
            return others[0]
    return annotation


def _scalar(annotation: typing.Any) -> tuple[Kind, bool, Convert | None]:
    """(kind, plain, convert) of a type."""
    if typing.get_origin(annotation) is typing.Annotated:
        kind, plain, convert = _scalar(typing.get_args(annotation)[0])
        return kind, plain and not _has_functions(typing.get_args(annotation)[1:]), convert
    if typing.get_origin(annotation) is typing.Literal:
        return ("text", True, None) if all(isinstance(v, str) for v in typing.get_args(annotation)) else OTHER
    if not isinstance(annotation, type):
        return OTHER
    for known, answer in _KINDS:
        if issubclass(annotation, known):
            return answer
    return OTHER


_PLAIN_TYPE_BY_KIND: dict[Kind, type] = {
    "integer": int, "number": float, "boolean": bool, "text": str, "instant": int,
}  # fmt: skip
OTHER: tuple[Kind, bool, Convert | None] = ("other", False, None)
_KINDS: tuple[tuple[type, tuple[Kind, bool, Convert | None]], ...] = (
    (enum.Enum, ("text", False, lambda value: str(value.value))),
    (bool, ("boolean", True, None)),
    (int, ("integer", True, None)),
    (float, ("number", True, float)),
    (str, ("text", True, None)),
    (datetime, ("instant", True, instant_us)),
    (date, ("text", False, date.isoformat)),
    (Decimal, ("number", False, lambda value: _finite(float(value)))),
    (UUID, ("text", False, str)),
    (AnyUrl, ("text", False, str)),
    (AwareDatetime, ("instant", True, instant_us)),
)


def _finite(number: float) -> float | None:
    """A decimal may be beyond the range of a float: to an aggregate it is then no value, and never infinite."""
    return number if isfinite(number) else None


def _transforms(info: FieldInfo) -> bool:
    """Whether validation may change the value, or the field goes by another name in JSON."""
    return (
        info.alias is not None
        or info.validation_alias is not None
        or info.serialization_alias is not None
        or bool(info.exclude)
        or _has_functions(info.metadata)
    )


def _has_functions(metadata: typing.Iterable[object]) -> bool:
    """Whether any of the metadata is more than a bound on the value (``Ge``, ``MaxLen`` and the like)."""
    return any(type(item).__module__ != "annotated_types" for item in metadata)
