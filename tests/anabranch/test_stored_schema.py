"""Stored events are read by the types of their model, and no function of the user runs over them again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    RootModel,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from anabranch.stored_schema import StoredSchema


def boom(value: Any) -> Any:
    raise AssertionError("a function of the user ran over a stored event")


def wrapping(value: Any, handler: Any) -> Any:
    return boom(value)


class Inner(BaseModel):
    y: Annotated[int, AfterValidator(boom)]


class Eager(BaseModel):
    """Every way in which a user's function gets into a schema."""

    after: Annotated[int, AfterValidator(boom)]
    before: Annotated[int, BeforeValidator(boom)]
    wrap: Annotated[int, WrapValidator(wrapping)]
    plain: Annotated[int, PlainValidator(boom)]
    deep: list[dict[str, Annotated[int, AfterValidator(boom)]]]
    inner: Inner | None
    one_of: Annotated[int, AfterValidator(boom)] | str

    @field_validator("after")
    @classmethod
    def check(cls, value: int) -> int:
        boom(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def first(cls, values: Any) -> Any:
        boom(values)
        return values

    @model_validator(mode="after")
    def last(self) -> Eager:
        boom(self)
        return self


STORED = b'{"after":1,"before":2,"wrap":3,"plain":4,"deep":[{"a":5}],"inner":{"y":6},"one_of":"x"}'


def test_no_function_of_the_user_runs_wherever_it_stands() -> None:
    found = StoredSchema(Eager).one().validate_json(STORED)
    assert isinstance(found, Eager)
    assert isinstance(found.inner, Inner)
    assert (found.after, found.before, found.wrap, found.plain) == (1, 2, 3, 4)
    assert (found.deep, found.inner.y, found.one_of) == ([{"a": 5}], 6, "x")
    many = StoredSchema(Eager).many().validate_json(b"[" + STORED + b"," + STORED + b"]")
    assert many == [found, found]


def test_every_function_that_is_left_out_is_named_with_its_place_and_mode() -> None:
    found = {(function.where, function.mode) for function in StoredSchema(Eager).functions}
    assert found >= {
        ("after", "after"),
        ("before", "before"),
        ("wrap", "wrap"),
        ("plain", "plain"),
        ("deep", "after"),
        ("one_of", "after"),
        ("Inner.y", "after"),
        ("Eager", "before"),
        ("Eager.last", "after"),  # one of the event as a whole goes by its own name
    }


def test_one_that_is_kept_runs_in_its_place_and_no_other() -> None:
    schema = StoredSchema(Eager, keep=lambda found: (lambda value: value * 10) if found.where == "Inner.y" else None)
    found = schema.one().validate_json(STORED)
    assert (found.inner.y, found.after) == (60, 1)


class Bounded(BaseModel):
    number: int = Field(ge=0)
    at: datetime


@pytest.mark.parametrize("text", [b'{"number":-1,"at":"2024-01-01T00:00:00Z"}', b'{"number":"x"}', b'{"number":1}'])
def test_types_and_bounds_stay(text: bytes) -> None:
    with pytest.raises(ValidationError):
        StoredSchema(Bounded).one().validate_json(text)


class Point:
    """A type of the user's own, which there would be no value of without its function."""

    def __init__(self, x: int):
        self.x = x

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.int_schema())


class Pointed(BaseModel):
    point: Point


def test_what_makes_a_type_what_it_is_stays() -> None:
    schema = StoredSchema(Pointed)
    assert schema.one().validate_json(b'{"point":7}').point.x == 7
    assert schema.functions == []


class Written(BaseModel):
    """A model that writes something else than it holds."""

    model_config = ConfigDict(extra="allow")
    a: Annotated[int, PlainSerializer(lambda value: "a")]
    b: int

    @field_serializer("b")
    def as_text(self, value: int) -> str:
        return "b"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def c(self) -> int:
        return 3


class Wrapped(BaseModel):
    a: int

    @model_serializer
    def whole(self) -> dict[str, Any]:
        return {"wrapped": self.a}


def test_an_event_is_written_as_it_is_held_so_that_it_reads_the_same() -> None:
    written = StoredSchema(Written)
    event = Written.model_validate({"a": 1, "b": 2, "more": [3]})
    text = written.serializer().to_json(event)
    assert text == b'{"a":1,"b":2,"more":[3]}'
    assert written.one().validate_json(text) == event
    assert StoredSchema(Wrapped).serializer().to_json(Wrapped(a=1)) == b'{"a":1}'


class Private(BaseModel):
    x: int
    _double: int = 0

    def model_post_init(self, context: Any) -> None:
        self._double = 2 * self.x
        self.x += 100


def test_private_attributes_are_set_and_fields_stay_as_they_were_stored() -> None:
    found = StoredSchema(Private).one().validate_json(b'{"x":4}')
    assert (found.x, found._double) == (4, 8)


class Aliased(BaseModel):
    number: int = Field(alias="no")
    other: int = Field(validation_alias="in", serialization_alias="out")


def test_a_field_is_read_by_the_name_by_which_it_was_stored() -> None:
    found = StoredSchema(Aliased).one().validate_json(b'{"no":1,"in":2}')
    assert (found.number, found.other) == (1, 2)


class Tree(BaseModel):
    value: Annotated[int, AfterValidator(boom)]
    children: list[Tree] = []


def test_a_model_that_holds_itself_is_read_to_its_leaves() -> None:
    found = StoredSchema(Tree).one().validate_json(b'{"value":1,"children":[{"value":2,"children":[{"value":3}]}]}')
    assert found.children[0].children[0].value == 3


class Rooted(RootModel[list[Annotated[int, AfterValidator(boom)]]]):
    """A model without fields."""


def test_a_model_without_fields_is_read_as_well() -> None:
    assert StoredSchema(Rooted).one().validate_json(b"[1,2]").root == [1, 2]


class Defaulted(BaseModel):
    a: int = 1
    b: list[int] = Field(default_factory=lambda: [2])
    c: int = Field(default_factory=lambda values: values["a"] + 1)


def test_what_a_field_means_that_is_lacking_is_what_is_remembered_of_it() -> None:
    schema = StoredSchema(Defaulted, {"a": "10", "b": "[20]"})
    found = schema.one().validate_json(b"{}")
    assert (found.a, found.b, found.c) == (10, [20], 11)
    assert schema.one().validate_json(b'{"a":5}').a == 5
    assert [(default.where, default.make is None) for default in schema.defaults] == [
        ("a", False),
        ("b", False),
        ("c", True),
    ]


def test_a_validator_with_information_is_left_out_too() -> None:
    class Informed(BaseModel):
        x: int

        @field_validator("x", mode="after")
        @classmethod
        def informed(cls, value: int, info: ValidationInfo) -> int:
            boom(value)
            return value

    assert StoredSchema(Informed).one().validate_json(b'{"x":1}').x == 1
