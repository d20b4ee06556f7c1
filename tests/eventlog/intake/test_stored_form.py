"""What an event means is settled when it comes in: defaults, validators and converters are applied once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SecretStr,
    WrapValidator,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)

from anabranch import App, Events, Stream
from anabranch.instant import EPOCH
from eventlog.intake.door import Admission, BodyLimits, admit
from tests.eventlog.intake.door import NDJSON, NOW, lines


def admitted(stream: Stream, *events: Any) -> Admission:
    return admit(NDJSON, lines(*events), stream, limits=BodyLimits(), now=NOW)


def stream_of(model: type[BaseModel], **roles: str) -> Stream:
    return App("shop").stream("sales", model, **roles)


def stored(stream: Stream, event: dict[str, Any]) -> dict[str, Any]:
    """A valid event as it is stored, as JSON has it."""
    admission = admitted(stream, event)
    assert admission.rejected == []
    found: dict[str, Any] = orjson.loads(admission.append.data[0])
    return found


def read(stream: Stream, event: dict[str, Any]) -> Any:
    """A stored event as a features function receives it."""
    (model,) = stream.validate(orjson.dumps([event]))
    return model


def from_german(text: str) -> float:
    return float(text.replace(",", "."))


class Item(BaseModel):
    name: str
    pieces: int = 1
    weight: Annotated[float, AfterValidator(lambda grams: grams / 1000)] = 0.0

    @field_validator("name", mode="before")
    @classmethod
    def quoted(cls, name: str) -> str:
        return f"<{name}>"


class Sale(BaseModel):
    """Whose validators are no inverse of themselves, each in another place."""

    order: str
    amount: Annotated[float, BeforeValidator(from_german)]
    day: Annotated[datetime, PlainValidator(lambda text: datetime.strptime(text, "%d.%m.%Y").replace(tzinfo=UTC))]
    cents: Annotated[int, WrapValidator(lambda value, handler: handler(value) * 100)] = 0
    code: uuid.UUID = Field(default_factory=uuid.uuid4)
    items: list[Item] = []
    total: float = 0
    _calls: int = PrivateAttr(0)

    @model_validator(mode="before")
    @classmethod
    def renamed(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "order": f"o-{data['order']}"}

    @model_validator(mode="after")
    def summed(self) -> Self:
        self.total += self.amount
        return self

    @field_serializer("amount")
    def german(self, amount: float) -> str:
        return f"{amount:.2f} EUR"

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def double(self) -> float:
        return self.amount * 2

    def model_post_init(self, context: Any) -> None:
        self.cents += 1
        self._calls += 1


SENT = {"order": "1", "amount": "12,50", "day": "03.02.2024", "cents": 5, "x": {"y": 1},
        "items": [{"name": "tea", "weight": 500, "note": "hot"}]}  # fmt: skip


def test_what_validators_and_converters_make_of_an_event_is_what_every_reader_finds() -> None:
    stream = stream_of(Sale, id="order")
    event = stored(stream, SENT)
    assert event["amount"] == 12.5
    assert event["x"] == {"y": 1}
    assert event["items"] == [{"name": "<tea>", "weight": 0.5, "note": "hot", "pieces": 1}]
    assert "double" not in event
    for _ in range(2):
        sale = read(stream, event)
        assert isinstance(sale, Sale)
        assert (sale.order, sale.amount, sale.total, sale.cents) == ("o-1", 12.5, 12.5, 501)
        assert (sale.day, str(sale.code)) == (datetime(2024, 2, 3, tzinfo=UTC), event["code"])
        assert [(item.name, item.pieces, item.weight) for item in sale.items] == [("<tea>", 1, 0.5)]
        assert (sale.double, sale._calls) == (25.0, 1)
    assert Events(stream, 0, 0, [0], orjson.dumps([event])).column("amount") == [12.5]


def test_the_id_of_an_event_is_the_one_that_it_is_stored_with() -> None:
    assert admitted(stream_of(Sale, id="order"), SENT).append.ids == ["o-1"]


def test_a_factory_is_called_once_for_an_event() -> None:
    class Visit(BaseModel):
        page: str
        visit: uuid.UUID = Field(default_factory=uuid.uuid4)
        at: datetime = Field(default_factory=lambda: datetime.now(UTC))
        tags: list[str] = Field(default_factory=list)

    stream = stream_of(Visit, id="visit")
    admission = admitted(stream, {"page": "a"}, {"page": "a"})
    first, second = (orjson.loads(event) for event in admission.append.data)
    assert admission.append.ids == [first["visit"], second["visit"]]
    assert first["visit"] != second["visit"]
    assert read(stream, first) == read(stream, first)


def test_what_json_hides_of_a_value_is_stored_as_it_was_sent() -> None:
    stream = stream_of(create_model("Login", user=(str, "nobody"), token=(SecretStr, ...)))
    event = stored(stream, {"token": "s3cret"})
    assert event == {"token": "s3cret", "user": "nobody"}
    assert read(stream, event).token.get_secret_value() == "s3cret"


def test_aliases_of_every_kind_are_read_back() -> None:
    class Place(BaseModel):
        city: Annotated[str, AfterValidator(str.upper)] = Field(alias="town")

    class Visit(BaseModel):
        model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
        number: Annotated[int, AfterValidator(lambda value: value + 1)] = Field(alias="no")
        place: Place

    stream = stream_of(Visit)
    for sent in ({"no": 1, "place": {"town": "ulm"}}, {"number": 1, "place": {"town": "ulm"}}):
        visit = read(stream, stored(stream, sent))
        assert (visit.number, visit.place.city) == (2, "ULM")


@given(st.data())
def test_a_stored_event_says_all_that_the_model_said_of_it(data: st.DataObject) -> None:
    """For any model of fields with and without defaults: no default is needed any more to read it."""
    kinds: dict[Any, Any] = {
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.text(max_size=5),
        bool: st.booleans(),
        datetime: st.integers(0, 2**40).map(lambda us: EPOCH + timedelta(microseconds=us)),
        Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-999, max_value=999),
        list[int]: st.lists(st.integers(0, 9), max_size=2),
        int | None: st.none() | st.integers(0, 9),
    }  # fmt: skip
    names = data.draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=4))
    fields: dict[str, Any] = {}
    sent: dict[str, Any] = {}
    for name in names:
        kind = data.draw(st.sampled_from(list(kinds)))
        default = data.draw(st.just(...) | kinds[kind])
        fields[name] = (kind, default)
        if default is ... or data.draw(st.booleans()):
            value = data.draw(kinds[kind])
            sent[name] = str(value) if isinstance(value, Decimal) else value
    stream = stream_of(create_model("Event", **fields))
    meant = stream.model.model_validate_json(orjson.dumps(sent))
    event = stored(stream, sent)
    assert set(event) == set(fields)
    others: dict[str, Any] = {name: (kind, ...) for name, (kind, _) in fields.items()}
    again = stream_of(create_model("Event", **others))
    assert vars(read(again, event)) == vars(meant)
    columns = [
        [Events(each, 0, 0, [0], orjson.dumps([event])).column(name) for name in names] for each in (stream, again)
    ]
    assert columns[0] == columns[1]


# what validators raise


def raising(error: Exception) -> Any:
    def refuse(value: Any) -> Any:
        if value == "bad":
            raise error
        return value

    return refuse


@pytest.mark.parametrize(
    "error",
    [AttributeError("no attribute"), KeyError("k"), ZeroDivisionError("by zero"), RuntimeError("odd"), OSError("no")],
)
def test_whatever_a_validator_raises_is_the_rejection_of_that_event_alone(error: Exception) -> None:
    for validator in (BeforeValidator, AfterValidator):
        stream = stream_of(create_model("Event", x=(Annotated[str, validator(raising(error))], ...)))
        admission = admitted(stream, {"x": "a"}, {"x": "bad"}, {"x": "b"})
        assert [orjson.loads(event) for event in admission.append.data] == [{"x": "a"}, {"x": "b"}]
        (rejected,) = admission.rejected
        (reason,) = rejected.errors
        assert (rejected.index, rejected.body, reason["type"]) == (1, b'{"x":"bad"}', "validator_raised")
        assert type(error).__name__ in reason["message"]
        assert "test_stored_form.py" in reason["message"]


def test_what_a_factory_or_a_method_of_the_model_raises_is_a_rejection_too() -> None:
    class Late(BaseModel):
        x: int
        y: int = Field(default_factory=lambda data: 1 // data["x"])

        def model_post_init(self, context: Any) -> None:
            if self.y == 1:
                raise LookupError("one")

    admission = admitted(stream_of(Late), {"x": 0}, {"x": 1}, {"x": 5})
    assert [orjson.loads(event) for event in admission.append.data] == [{"x": 5, "y": 0}]
    assert [rejected.index for rejected in admission.rejected] == [0, 1]


def test_what_a_validator_makes_of_another_type_harms_no_other_event() -> None:
    worded: Any = Annotated[int, AfterValidator(lambda number: number or "zero")]
    stream = stream_of(create_model("Event", x=(worded, ...)))
    admission = admitted(stream, {"x": 0}, {"x": 7})
    assert admission.rejected == []
    events = Events(stream, 0, 0, [0, 0], b"[%b]" % b",".join(admission.append.data))
    assert events.column("x") == [None, 7]
