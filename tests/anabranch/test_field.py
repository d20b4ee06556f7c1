"""What a field of an event holds, and how its value becomes plain data that an aggregate can take."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from annotated_types import Ge, MinLen
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, AnyUrl, AwareDatetime, BaseModel, create_model
from pydantic import Field as PydanticField

from anabranch.field import Field


class Colour(enum.Enum):
    RED = "red"
    TWO = 2


class Level(enum.IntEnum):
    LOW = 1


class Inner(BaseModel):
    x: int


def field(annotation: Any, default: Any = ...) -> Field:
    model: type[BaseModel] = create_model("Model", x=(annotation, default))
    return Field.of("x", model.model_fields["x"])


@pytest.mark.parametrize(
    ("annotation", "kind", "items"),
    [
        (bool, "boolean", None),  # a bool is an int, too
        (int, "integer", None),
        (float, "number", None),
        (Decimal, "number", None),
        (str, "text", None),
        (Literal["a", "b"], "text", None),
        (Literal["a", 1], "other", None),
        (Colour, "text", None),
        (Level, "text", None),  # an enumeration of numbers is one of names as well
        (datetime, "instant", None),
        (AwareDatetime, "instant", None),
        (date, "text", None),  # a datetime is a date, but not the other way about
        (UUID, "text", None),
        (AnyUrl, "text", None),
        (Annotated[int, Ge(0)], "integer", None),
        (Optional[int], "integer", None),  # noqa: UP045 (the old spelling is the point)
        (int | None, "integer", None),
        (int | str, "other", None),
        (list[int], "other", "integer"),
        (list[Inner], "other", "other"),
        (list, "other", None),
        (dict[str, int], "other", None),
        (Inner, "other", None),
        (Any, "other", None),
    ],
)
def test_a_type_has_a_kind_and_a_list_that_of_its_items(annotation: Any, kind: str, items: str | None) -> None:
    found = field(annotation)
    assert (found.kind, found.items) == (kind, items)


@pytest.mark.parametrize(
    ("annotation", "default", "plain"),
    [
        (Annotated[str, MinLen(1)], ..., True),  # a bound changes no value
        (Annotated[str, AfterValidator(str.lower)], ..., False),
        (str, PydanticField(alias="y"), False),
        (str, PydanticField(exclude=True), False),
        (list[datetime], ..., False),
        (list[int], PydanticField(default_factory=list), False),
        (Decimal, ..., False),
    ],
)
def test_what_json_holds_already_is_plain_and_what_validation_changes_is_not(
    annotation: Any, default: Any, plain: bool
) -> None:
    assert field(annotation, default).plain is plain


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals()
    | st.dates()
    | st.uuids()
    | st.sampled_from([*Colour, *Level])
    | st.lists(st.integers(), max_size=2)
    | st.builds(object)
)
TYPES = {"integer": int, "number": float, "boolean": bool, "text": str, "instant": int}


@given(ANYTHING, st.sampled_from([int, float, bool, str, datetime, date, Decimal, UUID, Colour]))
def test_a_plain_value_is_of_its_kind_or_none_whatever_a_validator_has_put_there(value: Any, annotation: Any) -> None:
    declared = field(annotation)
    found = declared.plain_value(value)
    assert found is None or isinstance(found, TYPES[declared.kind])
    assert found is None or not isinstance(found, float) or abs(found) < float("inf")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (datetime, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000_000),
        (datetime, datetime(1970, 1, 1), None),  # noqa: DTZ001 (a naive one is the point)
        (datetime, "1970-01-01T00:00:01Z", 1_000_000),
        (float, 7, 7.0),
        (float, 10**400, None),
        (Decimal, Decimal("1e999"), None),
        (Decimal, Decimal("2.5"), 2.5),
        (Colour, Colour.TWO, "2"),
        (Colour, "red", None),
        (Inner, "as it is", "as it is"),
    ],
)
def test_a_value_that_cannot_be_plain_is_none(annotation: Any, value: Any, expected: Any) -> None:
    found = field(annotation).plain_value(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("annotation", "default", "sound"),
    [
        (int, 2**63 - 1, True),
        (int, 2**63, False),
        (int, True, False),
        (bool, 1, False),
        (float, 0, True),
        (float, float("inf"), False),
        (Decimal, Decimal("1.5"), True),
        (datetime, "yesterday", False),
        (Inner, Inner(x=1), True),
        (int | None, None, True),
    ],
)
def test_a_default_is_sound_if_an_event_could_have_sent_it(annotation: Any, default: Any, sound: bool) -> None:
    assert field(annotation, default).has_plain_default is sound


def test_a_required_field_needs_no_default() -> None:
    assert field(int).default is None
    assert field(int).has_plain_default
