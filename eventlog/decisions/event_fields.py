"""The fields of an event that the system wrote, each checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch import Cut
from eventlog.errors import CorruptLogError
from eventlog.log.segment import Record

_ABSENT = object()


class EventFields:
    """Reads an event of the system field by field.

    Nobody but this program writes such events, and the door checks none of them: one that is not what was written
    means that the log was altered, or that this code is wrong. It must be told with its place, not guessed around.

    Parameters
    ----------
    data
        The event.
    place
        Where it stands, for people: ``0:17 of stream '_anabranch'``.

    Raises
    ------
    CorruptLogError
        Every method raises it, with the place and the name of the field, if the field is absent or of another type.
    """

    def __init__(self, data: Mapping[str, Any], place: str):
        self.data = data
        self.place = place

    @classmethod
    def of(cls, record: Record) -> EventFields:
        """The fields of a record of the log."""
        return cls(record.data, f"{record.partition}:{record.offset} of stream {record.stream!r}")

    def text(self, name: str, default: object = _ABSENT) -> str:
        """A text; `default`, if it is given and the field is absent."""
        value = self.data.get(name, default)
        if not isinstance(value, str):
            raise self.corrupt(name, "a text", value)
        return value

    def number(self, name: str) -> int:
        """A whole number, 0 or more."""
        value = self.data.get(name, _ABSENT)
        if not _is_number(value):
            raise self.corrupt(name, "a whole number", value)
        return int(value)

    def number_or_none(self, name: str) -> int | None:
        """A whole number; None where the field is absent or null."""
        return None if self.data.get(name) is None else self.number(name)

    def cut(self, name: str) -> Cut:
        """A cut of the log."""
        text = self.text(name)
        try:
            return Cut.parse(text)
        except ValueError:
            raise self.corrupt(name, 'a cut like "0:17"', text) from None

    def offset(self, name: str) -> int:
        """The offset of a record, written as a number or as ``partition:offset``."""
        value = self.data.get(name, _ABSENT)
        if _is_number(value):
            return int(value)
        if isinstance(value, str):
            return self.cut(name).offsets[0]
        raise self.corrupt(name, 'a place like "0:17"', value)

    def mapping(self, name: str, default: object = _ABSENT) -> dict[str, Any]:
        """A JSON object; `default`, if it is given and the field is absent."""
        value = self.data.get(name, default)
        if not isinstance(value, dict):
            raise self.corrupt(name, "an object", value)
        return value

    def numbers(self, name: str, default: object = _ABSENT) -> dict[str, int]:
        """A JSON object whose values are whole numbers."""
        found = self.mapping(name, default)
        for value in found.values():
            if not _is_number(value):
                raise self.corrupt(name, "an object of whole numbers", found)
        return found

    def corrupt(self, name: str, expected: str, found: object) -> CorruptLogError:
        """The error that names the place and the field."""
        shown = "nothing" if found is _ABSENT else f"{found!r:.80}"
        return CorruptLogError(f"field {name!r} of the event at {self.place}", expected, shown)


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0
