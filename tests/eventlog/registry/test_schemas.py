"""A schema may become whatever the stored events fit; what they lack keeps the meaning that it had."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import select, update

from anabranch import App, Cut, Events
from eventlog.errors import SchemaChangedError
from eventlog.intake.door import BodyLimits, admit
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.database import Database
from eventlog.registry.schemas import Schemas
from eventlog.registry.tables import schemas

NOW = 1_800_000_000_000_000


class Shop:
    """A log with a lake and a registry, to which applications come one after the other."""

    def __init__(self, folder: Path):
        self.lake = Lake(folder / "lake")
        self.log = MemoryLog(self.lake, clock=lambda: NOW)
        self.database = Database(f"sqlite:///{folder}/log.db")
        self.schemas = Schemas(self.database, lambda: NOW)

    def start(self, model: type[BaseModel] | None, **roles: str) -> App:
        """Another application with the stream ``sales`` of this model; None: without."""
        app = App("shop")
        if model is not None:
            app.stream("sales", model, **roles)
        self.schemas.register(app, self.log, self.lake)
        return app

    def post(self, app: App, *events: dict[str, Any]) -> None:
        body = orjson.dumps(list(events))
        admission = admit("application/json", body, app.streams["sales"], limits=BodyLimits(), now=NOW)
        assert admission.rejected == []
        self.log.append(admission.append)

    def archive(self, app: App) -> None:
        """Move everything into the lake."""
        end = self.log.end().offsets[0]
        segments = self.log.read(Cut((0,)), 1_000)
        self.lake.archive(app.streams.get("sales", "sales"), segments, end)

    def column(self, app: App, name: str) -> list[Any]:
        """What the stored events hold, as aggregates take it and as functions of the user do."""
        found: list[Any] = []
        for segment in self.log.read(Cut((0,)), 1_000):
            events = Events(app.streams["sales"], 0, segment.offset, segment.times, segment.data)
            assert [getattr(model, name) for model in events.models] == events.column(name)
            found += events.column(name)
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.database.close()


class Colour(enum.Enum):
    RED = "red"


class MoreColours(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Sale(BaseModel):
    order: str
    amount: float = Field(ge=0)
    size: Literal["s", "m"] = "s"
    colour: Colour = Colour.RED


SALES = [{"order": "a", "amount": 5}, {"order": "b", "amount": 10, "size": "m", "note": 7}]


class Relaxed(Sale):
    amount: float


class Tighter(Sale):
    amount: float = Field(ge=1, le=10)


class MoreSizes(Sale):
    size: Literal["s", "m", "l"] = "m"  # type: ignore[assignment]  # which is wider


class Grown(BaseModel):
    order: str
    amount: float = Field(ge=0)
    size: Literal["s", "m"] = "s"
    colour: MoreColours = MoreColours.BLUE


class Checked(Sale):
    @field_validator("amount")
    @classmethod
    def small(cls, amount: float) -> float:
        if amount > 10:
            raise ValueError("must be small")
        return amount


class Maybe(Sale):
    amount: float | None = None  # type: ignore[assignment]  # which is wider


class WithMore(Sale):
    place: str | None = None
    made: uuid.UUID = Field(default_factory=uuid.uuid4)


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("model", [Relaxed, Tighter, MoreSizes, Grown, Checked, Maybe, WithMore])
def test_a_schema_that_all_stored_events_fit_is_fine(shop: Shop, model: type[BaseModel], archived: bool) -> None:
    app = shop.start(Sale)
    shop.post(app, *SALES)
    if archived:
        shop.archive(app)
    shop.start(model)
    shop.start(model)
    shop.start(Sale)


class TooTight(Sale):
    amount: float = Field(gt=5)


class FewerSizes(Sale):
    size: Literal["s"] = "s"


class Raising(Sale):
    amount: Annotated[float, Field(ge=0), AfterValidator(lambda amount: {5.0: "five"}[amount])]


class Whole(Sale):
    @model_validator(mode="after")
    def small(self) -> Self:
        if self.amount > 5:
            raise ValueError("too much")
        return self


class Before(Sale):
    @field_validator("amount", mode="before")
    @classmethod
    def small(cls, amount: Any) -> Any:
        assert amount < 10, "too much"
        return amount


class MoreRequired(Sale):
    station: str


class OtherNote(Sale):
    note: str | None = None


class OtherKind(Sale):
    amount: int = Field(ge=0)


class Forbidding(Sale):
    model_config = ConfigDict(extra="forbid")


class Fewer(BaseModel):
    order: str
    amount: float


@pytest.mark.parametrize("archived", [0, 1, 2])
@pytest.mark.parametrize(
    ("model", "roles", "message"),
    [
        (TooTight, {}, r"0:0 does not fit the changed schema: amount: Input should be greater than 5 \(it is 5"),
        (FewerSizes, {}, r"0:1 .*: size: Input should be 's'"),
        (Raising, {}, r"0:1 .*: KeyError: 10.0"),
        (Whole, {}, r"0:1 .*: Value error, too much"),
        (Before, {}, r"0:1 .*: amount: Assertion failed, too much"),
        (MoreRequired, {}, r"0:0 .*: station: Field required"),
        (OtherNote, {}, r"0:1 .*: note: Input should be a valid string \(it is 7\)"),
        (OtherKind, {}, r"0:0 .*: field 'amount' was number, is integer"),
        (Forbidding, {}, r"0:1 .*: note: Extra inputs"),
        (Fewer, {}, r"0:0 .*: it has the field 'colour', which the schema no longer has"),
        (Sale, {"key": "size"}, r"0:0 .*: key= was absent, is size"),
        (Sale, {"id": "size"}, r"0:0 .*: id= was order, is size"),
    ],
)
def test_a_schema_that_a_stored_event_does_not_fit_is_refused_and_not_remembered(
    shop: Shop, model: type[BaseModel], roles: dict[str, str], message: str, archived: int
) -> None:
    app = shop.start(Sale, id="order")
    shop.post(app, *SALES[:1])
    if archived == 1:
        shop.archive(app)
    shop.post(app, *SALES[1:])
    if archived == 2:
        shop.archive(app)
    for _ in range(2):
        with pytest.raises(SchemaChangedError, match=f"stream 'sales': the stored event at {message}"):
            shop.start(model, **{"id": "order", **roles})
    shop.start(Sale, id="order")


@pytest.mark.parametrize("model", [TooTight, MoreRequired, OtherKind, Fewer])
def test_a_stream_in_which_nothing_is_stored_may_become_anything(shop: Shop, model: type[BaseModel]) -> None:
    shop.start(Sale, id="order")
    shop.start(model, id="amount" if model is OtherKind else "order")


def test_a_converter_that_was_there_before_is_not_asked_about_what_it_made(shop: Shop) -> None:
    def from_german(text: str) -> float:
        return float(text.replace(",", "."))

    class German(BaseModel):
        order: str
        amount: Annotated[float, BeforeValidator(from_german)]

    class GermanWithMore(German):
        size: int = 1

    class Edited(BaseModel):
        order: str
        amount: Annotated[float, BeforeValidator(lambda text: float(text.strip(" €").replace(",", ".")))]

    app = shop.start(German)
    shop.post(app, {"order": "a", "amount": "12,50"})
    assert shop.column(shop.start(GermanWithMore), "amount") == [12.5]
    assert shop.column(shop.start(German), "amount") == [12.5]
    assert shop.column(shop.start(Edited), "amount") == [12.5]


def test_a_type_that_writes_stored_texts_otherwise_is_refused(shop: Shop) -> None:
    class Text(BaseModel):
        code: str

    class Code(BaseModel):
        code: uuid.UUID

    app = shop.start(Text)
    shop.post(app, {"code": str(uuid.UUID(int=10))})
    shop.start(Code)
    shop.start(Text)
    shop.post(app, {"code": str(uuid.UUID(int=10)).upper()})
    with pytest.raises(SchemaChangedError, match=r"0:1 .*: field 'code': '.*A' would become '.*a'"):
        shop.start(Code)


def test_a_kind_is_remembered_of_a_field_that_was_away(shop: Shop) -> None:
    class Sized(BaseModel):
        order: str
        size: int | None = None

    class Unsized(BaseModel):
        order: str

    class Worded(BaseModel):
        order: str
        size: str | None = None

    shop.start(Sized)
    app = shop.start(Unsized)
    shop.post(app, {"order": "a"})
    with pytest.raises(SchemaChangedError, match="field 'size' was integer, is text"):
        shop.start(Worded)


def with_default(**defaults: Any) -> type[BaseModel]:
    class Sale(BaseModel):
        order: str

    fields = {name: Field(default=value) for name, value in defaults.items()}
    made: type[BaseModel] = type(
        "Sale", (Sale,), {"__module__": __name__, "__annotations__": dict.fromkeys(defaults, int), **fields}
    )
    return made


def test_a_new_default_changes_nothing_that_is_stored(shop: Shop) -> None:
    app = shop.start(with_default(pieces=1))
    shop.post(app, {"order": "a"})
    app = shop.start(with_default(pieces=2))
    shop.post(app, {"order": "b"})
    assert shop.column(app, "pieces") == [1, 2]


def test_a_field_that_stored_events_lack_has_for_ever_the_default_that_it_came_with(shop: Shop) -> None:
    app = shop.start(with_default())
    shop.post(app, {"order": "a"})
    shop.start(with_default(pieces=1))
    app = shop.start(with_default(pieces=2))
    shop.post(app, {"order": "b"})
    shop.start(None)
    app = shop.start(with_default(pieces=3, more=4))
    shop.post(app, {"order": "c"})
    assert shop.column(app, "pieces") == [1, 2, 3]
    assert shop.column(shop.start(with_default(pieces=5, more=6)), "more") == [4, 4, 4]


def test_a_factory_is_called_once_for_all_stored_events_that_lack_its_field(shop: Shop) -> None:
    class Place(BaseModel):
        town: str

    class PlaceWithCountry(Place):
        country: str = "DE"

    class Visit(BaseModel):
        place: Place

    class Later(BaseModel):
        place: PlaceWithCountry
        visit: str = Field(default_factory=lambda: uuid.uuid4().hex)
        at: datetime | None = None

    class Latest(Later):
        visit: str = Field(default_factory=lambda: uuid.uuid4().hex)

    PlaceWithCountry.__name__ = Place.__name__
    app = shop.start(Visit)
    shop.post(app, {"place": {"town": "ulm"}}, {"place": {"town": "bonn"}})
    (visit, same) = shop.column(shop.start(Later), "visit")
    assert visit == same
    app = shop.start(Latest)
    assert shop.column(app, "visit") == [visit] * 2
    found = app.streams["sales"].validate(shop.log.read(Cut((0,)), 9)[0].data)
    assert [vars(event)["place"].country for event in found] == ["DE", "DE"]


def test_the_meaning_of_what_is_lacking_also_reaches_a_worker_of_another_process(shop: Shop) -> None:
    app = shop.start(with_default())
    shop.post(app, {"order": "a"})
    shop.start(with_default(pieces=1))
    recorded = shop.start(with_default(pieces=2)).recorded
    worker = App("shop")
    worker.stream("sales", with_default(pieces=2))
    assert shop.column(worker, "pieces") == [2]
    assert shop.column(worker.recall(recorded), "pieces") == [1]


def test_a_schema_that_an_earlier_release_remembered_is_taken_over_without_a_check(shop: Shop) -> None:
    app = shop.start(Checked)
    shop.post(app, *SALES)
    with shop.database.write() as connection:
        (row,) = connection.execute(select(schemas)).all()
        known = orjson.loads(row.schema)
        old = {part: known[part] for part in ("id", "key", "time", "fields", "required")}
        connection.execute(update(schemas).values(schema=orjson.dumps(old).decode()))
    shop.start(Checked)
    with shop.database.read() as connection:
        (row,) = connection.execute(select(schemas)).all()
    assert orjson.loads(row.schema) == known


def test_an_event_that_a_process_with_another_model_stored_since_stops_no_reader(shop: Shop) -> None:
    app = shop.start(Relaxed)
    shop.start(Sale)
    shop.post(app, {"order": "a", "amount": -1}, {"order": "b", "amount": 2})
    changed = shop.start(Sale)
    assert shop.column(changed, "amount") == [-1, 2]


# on both kinds of database


class Rental(BaseModel):
    """As first defined."""

    rental_id: str
    minutes: float = Field(ge=0)


class Positive(Rental):
    minutes: float = Field(gt=0)


def app_of(model: type[BaseModel]) -> App:
    app = App("bikes")
    app.stream("rentals", model, id="rental_id")
    return app


def test_a_schema_is_remembered_unless_a_stored_event_does_not_fit_it(database: Database) -> None:
    schemas, log = Schemas(database), MemoryLog()
    for model in (Rental, Positive, Rental):
        schemas.register(app_of(model), log)
    log.append(Append("rentals", ["r1"], [None], [0], [b'{"rental_id":"r1","minutes":0.0}']))
    with pytest.raises(SchemaChangedError, match=r"stream 'rentals': the stored event at 0:0 .* greater than 0"):
        schemas.register(app_of(Positive), log)
    schemas.register(app_of(Rental), log)


class LakeOfABusyNight(Lake):
    """A lake beside which something happens once, when its events have been read."""

    def __init__(self, root: Path, happens: Callable[[], None]):
        super().__init__(root)
        self.happens: Callable[[], None] | None = happens

    def events(self, name: str, end: int) -> Iterator[tuple[list[int], bytes]]:
        yield from super().events(name, end)
        if (happens := self.happens) is not None:
            self.happens = None
            happens()


class Priced(BaseModel):
    price: float


class Cheap(BaseModel):
    price: float = Field(le=2)


def test_events_that_a_batch_run_archives_and_drops_meanwhile_are_checked_too(shop: Shop) -> None:
    app = shop.start(Priced)
    shop.post(app, {"price": 1})
    shop.archive(app)
    shop.post(app, {"price": 2.5})

    def night() -> None:
        shop.archive(app)
        shop.log.trim(shop.log.end())

    shop.lake = LakeOfABusyNight(shop.lake.root, night)
    with pytest.raises(SchemaChangedError, match="0:1"):
        shop.start(Cheap)
