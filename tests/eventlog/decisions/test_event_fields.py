"""Each field of an event that the system wrote, checked when it is read."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch import Cut
from eventlog.decisions.event_fields import EventFields
from eventlog.errors import CorruptLogError

DATA = {"text": "a", "empty": "", "number": 0, "cut": "0:17", "map": {"m": 3}, "null": None, "true": True, "list": [1]}
fields = EventFields(DATA, "0:5 of stream 's'")


def test_what_was_written_is_read() -> None:
    assert (fields.text("text"), fields.text("empty")) == ("a", "")
    assert (fields.number("number"), fields.number_or_none("number")) == (0, 0)
    assert (fields.cut("cut"), fields.offset("cut"), fields.offset("number")) == (Cut((17,)), 17, 0)
    assert (fields.mapping("map"), fields.numbers("map")) == ({"m": 3}, {"m": 3})


def test_a_default_stands_for_a_field_that_is_absent_but_not_for_one_that_is_null() -> None:
    assert (fields.text("absent", default="d"), fields.mapping("absent", default={}), fields.numbers("absent", {})) == (
        "d",
        {},
        {},
    )
    assert fields.number_or_none("absent") is fields.number_or_none("null") is None
    for read in (fields.text, fields.mapping, fields.numbers):
        with pytest.raises(CorruptLogError, match=r"found None$"):
            read("null", default="d")


@pytest.mark.parametrize(
    ("method", "name", "expected", "found"),
    [
        ("text", "number", "a text", "0"),
        ("text", "absent", "a text", "nothing"),
        ("number", "text", "a whole number", "'a'"),
        ("number", "true", "a whole number", "True"),
        ("number_or_none", "text", "a whole number", "'a'"),
        ("cut", "text", 'a cut like "0:17"', "'a'"),
        ("cut", "number", "a text", "0"),
        ("offset", "text", 'a cut like "0:17"', "'a'"),
        ("offset", "true", 'a place like "0:17"', "True"),
        ("offset", "absent", 'a place like "0:17"', "nothing"),
        ("mapping", "list", "an object", r"\[1\]"),
        ("numbers", "list", "an object", r"\[1\]"),
    ],
)
def test_what_is_not_what_was_written_is_told_with_its_place(method: str, name: str, expected: str, found: str) -> None:
    message = f"^field '{name}' of the event at 0:5 of stream 's': expected {expected}, found {found}$"
    with pytest.raises(CorruptLogError, match=message):
        getattr(fields, method)(name)


@pytest.mark.parametrize("value", [-1, 1.0, "1", True, None])
def test_one_value_that_is_no_whole_number_spoils_an_object_of_them(value: Any) -> None:
    with pytest.raises(CorruptLogError, match="an object of whole numbers"):
        EventFields({"map": {"a": 1, "b": value}}, "somewhere").numbers("map")


def test_a_long_value_is_cut_short() -> None:
    with pytest.raises(CorruptLogError) as caught:
        EventFields({"n": "x" * 10_000}, "somewhere").number("n")
    assert len(str(caught.value)) < 200
