"""An example: its event without the label, the same whether it comes from the log or from a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from anabranch import Stream
from anabranch.errors import FieldAbsentError, LabelTouchedError
from anabranch.example import example_class
from anabranch.features import plain_features


class Ride(BaseModel):
    """A ride."""

    station: str
    at: datetime
    minutes: float = Field(ge=0)
    bikes: int = 1
    note: str | None = None
    tags: list[str] = []

    @property
    def is_long(self) -> bool:
        return self.minutes > 30

    @property
    def hour(self) -> int:
        return self.at.hour


rides = Stream("rides", Ride, time="at")
Example = example_class(rides, "minutes")
FULL: dict[str, Any] = {"station": "A", "at": "2024-01-01T07:00:00Z", "minutes": 3.5, "tags": ["x"]}


def test_a_label_cannot_be_read_not_even_with_a_default_nor_through_a_property() -> None:
    example = Example.of(Ride(**FULL))
    reads: list[Callable[[], Any]] = [
        lambda: example.minutes,
        lambda: getattr(example, "minutes", 0.0),
        lambda: example.is_long,
    ]
    for read in reads:
        with pytest.raises(LabelTouchedError, match="'minutes', which is the label"):
            read()
    assert "minutes" not in example.model_dump()
    assert example.hour == 7


def test_the_event_itself_keeps_its_label() -> None:
    ride = Ride(**FULL)
    Example.of(ride)
    assert ride.minutes == 3.5


def test_a_request_may_leave_fields_out_that_the_features_do_not_need() -> None:
    example = Example.read(b'{"station": "A"}')
    assert (example.station, example.bikes, example.note) == ("A", 1, None)
    with pytest.raises(FieldAbsentError, match="need the field 'at', which is not given"):
        _ = example.at


def test_a_request_with_a_wrong_value_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="bikes"):
        Example.read(b'{"station": "A", "bikes": "many"}')


def test_a_label_in_a_request_is_taken_away() -> None:
    with pytest.raises(LabelTouchedError):
        _ = Example.read(orjson.dumps(FULL)).minutes


def test_what_is_no_field_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = Example.of(Ride(**FULL)).nothing_like_it


def test_a_model_with_validators_and_extras_works_the_same() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str
        y: int

        @field_validator("name")
        @classmethod
        def upper(cls, name: str) -> str:
            return name.upper()

    strict = Stream("strict", Strict)
    assert not strict.takes_plain_values
    made = example_class(strict, "y").read(b'{"name": "a", "more": 3}')
    assert (made.name, made.more) == ("A", 3)


@given(
    st.builds(
        lambda station, offset, zone, minutes, bikes, more: {
            "station": station,
            "at": (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=offset)).isoformat().replace("+00:00", zone),
            "minutes": minutes,
            **({} if bikes is None else {"bikes": bikes}),
            **more,
        },
        st.text(max_size=3),
        st.integers(0, 10**8),
        st.sampled_from(["Z", "+00:00", "+02:00", "-11:30"]),
        st.one_of(st.integers(0, 100), st.floats(0, 100)),
        st.none() | st.integers(0, 9),
        st.sampled_from([{}, {"note": None}, {"note": "x"}, {"unknown": 3}, {"tags": ["a"]}]),
    )
)
def test_made_from_stored_values_it_is_what_validation_makes(values: dict[str, Any]) -> None:
    assert rides.takes_plain_values
    data = orjson.dumps([values])
    plain, validated = Example.of_values(rides.decode(data)[0]), Example.of(rides.validate(data)[0])
    assert plain.__dict__ == validated.__dict__
    assert {name: type(value) for name, value in plain.__dict__.items() if name != "at"} == {
        name: type(value) for name, value in validated.__dict__.items() if name != "at"
    }
    assert plain.at.utcoffset() == validated.at.utcoffset()
    assert plain == Example.read(orjson.dumps(values)) or values.keys() - Ride.model_fields.keys()


@pytest.mark.parametrize(
    "returned", [None, [1], {"x": [1]}, {"x": datetime(2024, 1, 1, tzinfo=UTC)}, {"x": {}}, {"x": b""}]
)
def test_what_is_not_features_is_refused(returned: Any) -> None:
    with pytest.raises(Exception, match=r"features must be a dict|return a number, a boolean, a text or None"):
        plain_features(returned)


def test_numbers_of_numpy_and_what_is_not_finite_become_plain() -> None:
    import numpy as np

    found = plain_features({"a": np.float32(1.5), "b": np.int64(3), "c": np.bool_(True), "d": float("inf"), "e": "x"})
    assert found == {"a": 1.5, "b": 3, "c": True, "d": None, "e": "x"}
    assert [type(value) for value in found.values()] == [float, int, bool, type(None), str]
