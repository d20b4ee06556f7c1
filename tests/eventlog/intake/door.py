"""Streams that the tests of the door post to."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
from pydantic import AliasChoices, BaseModel, Field, field_validator

from anabranch import App, Stream
from eventlog.intake.door import Admission, BodyLimits, admit

NOW = 1_800_000_000_000_000
JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
app = App("door")


class Rental(BaseModel):
    """All fields plain."""

    rental_id: str
    station: str | None = None
    started: datetime
    minutes: float = Field(ge=0)
    count: int = 0
    numbers: list[int] = []


rentals = app.stream("rentals", Rental, id="rental_id", key="station", time="started")
assert rentals.plain


class Colour(enum.Enum):
    RED = "red"


class Sale(BaseModel):
    """Fields of types that JSON does not have, and a default that differs each time."""

    number: int
    made: uuid.UUID = Field(default_factory=uuid.uuid4)
    on: date
    price: Decimal
    colour: Colour = Colour.RED
    paid: bool = Field(default=False, validation_alias=AliasChoices("paid", "isPaid"))


sales = app.stream("sales", Sale, id="number", key="paid")


class Doubled(BaseModel):
    """A validator that does something else the second time."""

    name: str
    value: int

    @field_validator("value")
    @classmethod
    def double(cls, value: int) -> int:
        return value * 2


doubled = app.stream("doubled", Doubled, key="name")


class Ping(BaseModel):
    n: int


pings = app.stream("pings", Ping)


def rental(**changes: Any) -> dict[str, Any]:
    """A valid rental."""
    return {"rental_id": "r1", "station": "A", "started": "2014-05-01T10:00:00Z", "minutes": 1.5, **changes}


def lines(*events: Any) -> bytes:
    """NDJSON."""
    return b"\n".join(event if isinstance(event, bytes) else orjson.dumps(event) for event in events)


def admitted(content_type: str, body: bytes, stream: Stream = rentals, **headers: str) -> Admission:
    """What the door makes of a body, under the usual limits."""
    return admit(content_type, body, stream, limits=BodyLimits(), now=NOW, headers=headers)


def ipc(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
