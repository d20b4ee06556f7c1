"""What a stream reads back is what the model of the user holds, and reading needs no validation where that is safe."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)

from anabranch import Events, Stream
from anabranch.instant import instant_us


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Nested(BaseModel):
    x: int


class Validating(BaseModel):
    x: str

    @field_validator("x")
    @classmethod
    def lower(cls, value: str) -> str:
        return value.lower()


class ModelValidating(BaseModel):
    x: str

    @model_validator(mode="after")
    def nothing(self) -> ModelValidating:
        return self


class PostInit(BaseModel):
    x: str

    def model_post_init(self, context: Any) -> None:
        self.x = self.x.lower()


class Stripping(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    x: str


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: str


def one_field(annotation: Any, default: Any = ...) -> type[BaseModel]:
    model: type[BaseModel] = create_model("Model", x=(annotation, default))
    return model


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        (one_field(str), True),
        (one_field(float | None, None), True),
        (one_field(Annotated[int, Field(ge=0, le=5)]), True),
        (one_field(Literal["a", "b"]), True),
        (one_field(datetime), True),
        (one_field(AwareDatetime), True),
        (one_field(list[str]), True),
        (one_field(list[int], []), True),
        (Extra, True),
        (one_field(list[datetime]), False),
        (one_field(Nested), False),
        (one_field(list[Nested]), False),
        (one_field(dict[str, int]), False),
        (one_field(Any), False),
        (one_field(int | str), False),
        (one_field(Colour), False),
        (one_field(Decimal), False),
        (one_field(UUID), False),
        (one_field(date), False),
        (one_field(bytes), False),
        (one_field(Annotated[str, StringConstraints(strip_whitespace=True)]), False),
        (one_field(str, Field(alias="y")), False),
        (one_field(str, Field(validation_alias="y")), False),
        (one_field(list[str], Field(default_factory=list)), False),
        (one_field(str, Field(exclude=True)), False),
        (Validating, False),
        (ModelValidating, False),
        (PostInit, False),
        (Stripping, False),
    ],
)
def test_a_stream_is_plain_only_if_json_already_holds_what_the_model_would(model: type[BaseModel], plain: bool) -> None:
    assert Stream("events", model).plain is plain


@pytest.mark.parametrize(
    ("annotation", "kind", "sent", "expected"),
    [
        (str, "text", "a", "a"),
        (int, "integer", 5, 5),
        (float, "number", 5, 5.0),
        (bool, "boolean", True, True),
        (datetime, "instant", "1970-01-01T01:00:00.000001+01:00", 1),
        (AwareDatetime, "instant", "1970-01-01T00:00:01Z", 1_000_000),
        (date, "text", "2014-05-01", "2014-05-01"),
        (Decimal, "number", "2.50", 2.5),
        (UUID, "text", "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"),
        (AnyUrl, "text", "HTTP://example.org", "http://example.org/"),
        (Colour, "text", "red", "red"),
        (Colour, "text", 2, "2"),
        (Literal["a", "b"], "text", "b", "b"),
        (float | None, "number", None, None),
    ],
)
def test_a_column_is_plain_data_of_its_kind(annotation: Any, kind: str, sent: object, expected: object) -> None:
    stream = Stream("events", one_field(annotation))
    assert stream.fields["x"].kind == kind
    found = Events(stream, 0, 0, [0], orjson.dumps([{"x": sent}])).column("x")
    assert found == [expected]
    assert type(found[0]) is type(expected)


def test_a_missing_field_has_its_default_as_plain_data() -> None:
    model: Any = create_model(
        "Model",
        number=(float, 0), instant=(datetime, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), none=(str | None, None),
    )  # fmt: skip
    events = Events(Stream("events", model), 0, 0, [0], b"[{}]")
    assert [events.column(name) for name in ("number", "instant", "none")] == [[0.0], [1_000_000], [None]]
    assert type(events.column("number")[0]) is float


def test_a_list_says_what_its_items_are() -> None:
    fields = Stream("events", create_model("Model", x=(list[str], ...), y=(list[Nested], ...), z=(str, ...))).fields
    assert [fields[name].items for name in "xyz"] == ["text", "other", None]


def test_a_number_that_no_float_can_hold_is_no_value() -> None:
    column = Events(Stream("events", one_field(Decimal)), 0, 0, [0, 0], b'[{"x":"1e400"},{"x":"1"}]').column("x")
    assert column == [None, 1.0]


@given(
    st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.utcoffset() is not None),
    st.sampled_from(["T", "t", " "]),
    st.sampled_from(["+00:00", "Z", "z", "+05:30", "-0130", "\u221202:00"]),
    st.sampled_from(["", ".5", ",25", ".123456789"]),
)
def test_an_instant_is_read_as_pydantic_admitted_it(moment: datetime, sep: str, zone: str, fraction: str) -> None:
    """An event that is stored as it was sent must never stop the fold that reads it."""
    text = f"{moment:%Y-%m-%d}".zfill(10) + f"{sep}{moment:%H:%M:%S}{fraction}{zone}"
    stream = Stream("events", one_field(datetime))
    try:
        admitted: Any = stream.checked.model_validate_json(orjson.dumps({"x": text}), strict=True)
    except ValueError:
        return
    assert Events(stream, 0, 0, [0], orjson.dumps([{"x": text}])).column("x") == [instant_us(admitted.x)]


def test_nan_and_infinity_are_refused_by_the_checked_model() -> None:
    checked = Stream("events", one_field(float)).checked
    for text in ("NaN", "Infinity", "-Infinity", "1e400"):
        with pytest.raises(ValueError, match="finite"):
            checked.model_validate_json('{"x":' + text + "}")


def test_functions_of_the_user_receive_their_model() -> None:
    events = Events(Stream("events", Validating), 0, 0, [0], b'[{"x":"a"}]')
    assert isinstance(events.models[0], Validating)
    assert events.column("x") == ["a"]


def test_an_event_has_its_place_in_the_total_order() -> None:
    assert Events(Stream("events", one_field(str)), 2, 7, [30, 10], b"[]").orders == [(30, 2, 7), (10, 2, 8)]
