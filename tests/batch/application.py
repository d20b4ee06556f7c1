"""An application with every aggregate, once for the SQL road and once for the Python road."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from anabranch import App, agg

app = App("testing")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Ride(BaseModel):
    id: str
    at: datetime
    station: str | None = None
    dock: int | None = None
    member: bool | None = None
    minutes: float | None = None
    bikes: int | None = None
    ended: datetime | None = None
    colour: Colour | None = None
    day: date | None = None
    ticket: UUID | None = None
    price: Decimal | None = None
    weight: float = 1.5
    payload: dict[str, int] | None = None


class Word(BaseModel):
    text: str


rides = app.stream("rides", Ride, id="id", key="station", time="at")
words = app.stream("words", Word)


def everything() -> dict[str, Any]:
    return {
        "n": agg.count(),
        "known": agg.count("minutes"),
        "carried": agg.count("payload"),
        "total": agg.sum("minutes"),
        "whole": agg.sum("bikes"),
        "members": agg.sum("member"),
        "mean_minutes": agg.mean("minutes"),
        "mean_bikes": agg.mean("bikes"),
        "low": agg.min("minutes"),
        "high": agg.max("bikes"),
        "earliest": agg.min("ended"),
        "alphabetic": agg.min("station"),
        "spread": agg.variance("minutes"),
        "sample": agg.variance("bikes", sample=True),
        "first_dock": agg.first("dock"),
        "last_end": agg.last("ended"),
        "last_member": agg.last("member"),
        "colours": agg.collect("colour"),
        "days": agg.collect("day"),
        "tickets": agg.distinct("ticket"),
        "paid": agg.sum("price"),
        "weights": agg.sum("weight"),
        "stations": agg.distinct("station"),
        "median": agg.quantile("minutes", 0.5),
        "often": agg.top("station", 3),
        "spans": agg.histogram("minutes", edges=[0, 10, 60]),
        "ends": agg.collect("ended"),
    }


def of_columns() -> dict[str, Any]:
    """Everything that the columns of the lake can say: not what they hold as JSON text."""
    return {name: aggregate for name, aggregate in everything().items() if name != "carried"}


in_sql = app.view("in_sql", of=rides, by=("station", "member"), tile="1h", **of_columns())
in_python = app.view(
    "in_python", of=rides, by=("station", "member"), tile="1h", where=lambda ride: True, **of_columns()
)
ever = app.view("ever", of=rides, by="dock", **everything())
alone = app.view("alone", of=rides, n=agg.count())
kept = app.view("kept", of=rides, by="station", tile="1h", keep="1d", n=agg.count(), seen=agg.distinct("dock"))
pairs = app.view("pairs", of=words, by=lambda word: word.text.split(), n=agg.count())
fragile = app.view("fragile", of=words, by=lambda word: word.text[3], n=agg.count())

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
