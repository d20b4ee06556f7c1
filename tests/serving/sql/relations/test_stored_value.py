"""What SQL reads of a stored event, where the lake has no typed column, is what the column would hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import duckdb
import orjson
import pytest
from pydantic import BaseModel, Field

from anabranch import App, Cut, Stream
from eventlog.intake.door import BodyLimits, admit
from eventlog.lake.columns import record_batch, schema_of
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from serving.sql.relations.events_relation import sql_type
from serving.sql.relations.stored_value import stored_value

NOW = 1_800_000_000_000_000


class Kind(Enum):
    A = "a"
    ONE = 1


class Plain(BaseModel):
    whole: int | None = None
    number: float | None = None
    yes: bool | None = None
    text: str | None = None
    at: datetime | None = None
    counts: list[int] | None = None
    sizes: list[float] | None = None
    words: list[str | None] | None = None


class Typed(Plain):
    price: Decimal | None = Decimal("1.50")
    day: date = date(2024, 2, 29)
    id: UUID | None = Field(default=None, alias='an "id"')
    kind: Kind = Kind.ONE
    nested: dict[str, Any] | None = None
    times: list[datetime] | None = None


PLAIN: list[dict[str, Any]] = [
    {},
    {"whole": None, "number": None, "yes": None, "text": None, "at": None, "counts": None},
    {"whole": 2**63 - 1, "number": 0.1, "yes": True, "text": 'it\'s "\u0000" \U0001f6b2', "counts": [1, -2]},
    {"whole": -(2**63), "number": 1e308, "yes": False, "text": "null", "counts": [], "words": ["a", None, "[1]"]},
    {"whole": 0, "number": 3, "text": "", "sizes": [1, 2.5], "at": "2024-02-29T12:00:00+05:30"},
    *(
        {"at": at}
        for at in (
            "2024-01-01t00:00:00z", "2024-01-01_00:00Z", "2024-01-01 00:00:00.1234567-0030", "2024-01-01T00:00:00,5Z",
            "1704067200", "1704067200.25", "1704067200123", "-1.5", "0001-01-01T00:00:00Z",
            "2024-01-01T00:00:00\u221205:30", "9999-12-31T23:59:59.999999Z",
        )
    ),
]  # fmt: skip
TYPED: list[dict[str, Any]] = [
    *PLAIN,
    {"price": "0.1", "day": "1999-12-31", 'an "id"': str(UUID(int=10)).upper(), "kind": "a", "nested": {"a": [1, "é"]}},
    {"price": 12, "kind": 1, "nested": None, "times": ["2024-01-01T00:00:00Z", "1704067200"]},
    {"price": "1e999", "times": []},
]


@pytest.mark.parametrize(("model", "events"), [(Plain, PLAIN), (Typed, TYPED)])
def test_it_is_what_the_typed_column_would_hold(model: type[BaseModel], events: list[dict[str, Any]]) -> None:
    stream = App("of").stream("things", model)
    log = MemoryLog(clock=lambda: NOW)
    body = orjson.dumps(events)
    admission = admit("application/json", body, stream, limits=BodyLimits(), now=NOW)
    assert admission.rejected == []
    log.append(admission.append)
    assert_same(stream, log)


def test_what_the_event_lacks_is_what_it_meant_when_the_field_came() -> None:
    class Later(BaseModel):
        pieces: int = 3
        at: datetime = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
        price: Decimal = Decimal("0.1")
        words: list[str] = ["a"]
        nested: dict[str, int] = {"a": 1}
        maybe: str | None = None

    stream = App("of").stream("things", Later)
    stream.recall({"pieces": "1", "maybe": '"it\'s"'})
    log = MemoryLog(clock=lambda: NOW)
    log.append(Append("things", [None], [None], [None], [b"{}"]))
    assert_same(stream, log)


def assert_same(stream: Stream, log: MemoryLog) -> None:
    """Hold every field of every event against the column that the lake would get."""
    (segment,) = log.read(Cut((0,)), 1_000)
    archived = record_batch(segment, stream, schema_of(stream))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("archived", archived)
        for field in stream.fields.values():
            type_ = sql_type(field)
            told, value = f'"{field.name}"', f"({stored_value(stream, field)})::{type_}"
            if "TIMESTAMPTZ" in type_:  # DuckDB needs a library to give Python such ones
                told, value = f"{told}::VARCHAR", f"{value}::VARCHAR"
            query = f"SELECT {told}, {value} FROM (SELECT * REPLACE (_data::JSON AS _data) FROM archived)"
            for expected, found in connection.execute(query).fetchall():
                assert found == expected, field.name
