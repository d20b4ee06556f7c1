"""Stored events mean for ever what they meant when they came in, whatever the model says today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from anabranch.stored_events import StoredEvents, default_texts, input_name
from anabranch.stored_schema import StoredSchema


class Old(BaseModel):
    text: str


class Now(BaseModel):
    text: str
    stars: int = 3
    tags: list[str] = Field(default_factory=lambda: ["new"])


def test_a_lacking_field_means_what_is_remembered_else_what_the_model_says() -> None:
    assert StoredEvents(Now).read(b'{"text":"a"}') == Now(text="a", stars=3, tags=["new"])
    reader = StoredEvents(Now, {"stars": "0", "tags": "[]"})
    assert reader.read(b'{"text":"a"}') == Now(text="a", stars=0, tags=[])
    assert reader.read(b'{"text":"a","stars":5}').model_dump() == {"text": "a", "stars": 5, "tags": []}
    assert reader.lacking == {"stars": 0, "tags": []}
    assert reader.recorded == {"stars": "0", "tags": "[]"}


def test_a_constant_that_did_not_change_is_the_user_s_own_object() -> None:
    marker = (1, 2)

    class Kept(BaseModel):
        pair: tuple[int, int] = marker

    found: Any = StoredEvents(Kept, {"pair": "[1,2]"}).read(b"{}")
    assert found.pair is marker


def test_a_factory_is_not_asked_again_for_what_it_said_once() -> None:
    asked: list[int] = []

    def next_number() -> int:
        asked.append(1)
        return len(asked)

    class Counted(BaseModel):
        number: int = Field(default_factory=next_number)

    reader = StoredEvents(Counted, {"number": "7"})
    before = len(asked)
    assert [reader.read(b"{}").model_dump() for _ in range(3)] == [{"number": 7}] * 3
    assert len(asked) == before


def test_events_are_read_together_as_each_alone() -> None:
    events = [{"text": "a"}, {"text": "b", "stars": 1}]
    reader = StoredEvents(Now)
    assert reader.read_all(orjson.dumps(events)) == [reader.read(orjson.dumps(event)) for event in events]


def test_one_that_does_not_fit_is_as_json_has_it_and_stops_no_other() -> None:
    found: Any = StoredEvents(Now).read_all(b'[{"text":"a"},{"text":7,"stars":"x"},[1],{"text":"b"}]')
    assert [event.text for event in found] == ["a", 7, None, "b"]
    assert [event.stars for event in found] == [3, "x", 3, 3]
    assert all(isinstance(event, Now) for event in found)
    with pytest.raises(ValidationError):
        StoredEvents(Now).read(b'{"text":7}')


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int = Field(validation_alias=AliasChoices("no", "nr"))
    plain: int = 0


def test_one_that_does_not_fit_has_its_fields_by_the_names_by_which_they_were_stored() -> None:
    found: Any = StoredEvents(Aliased).read_all(b'[{"no":"seven"}]')
    assert (found[0].number, found[0].plain) == ("seven", 0)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (Field(), "x"),
        (Field(alias="y"), "y"),
        (Field(validation_alias="z"), "z"),
        (Field(validation_alias=AliasChoices("a", "b")), "a"),
        (Field(serialization_alias="out"), "x"),
    ],
)
def test_a_field_goes_in_the_json_of_an_event_by_one_name(field: Any, name: str) -> None:
    assert input_name("x", field) == name


def broken() -> int:
    raise ValueError("planted")


@pytest.mark.parametrize(
    ("factory", "text"),
    [(lambda: 5, "5"), (broken, None), (lambda: object(), None), (lambda values: values["a"], None)],
)
def test_a_default_that_json_does_not_hold_or_that_depends_on_others_is_not_remembered(
    factory: Callable[..., Any], text: str | None
) -> None:
    class Model(BaseModel):
        a: int
        b: Any = Field(default_factory=factory)

    assert default_texts(StoredSchema(Model).defaults).get("b") == text
