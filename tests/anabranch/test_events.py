"""The fields of stored events as columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, Events


class Ride(BaseModel):
    at: datetime
    minutes: float = 1.5
    station: str | None = None


rides = App("rides").stream("rides", Ride, key="station", time="at")
assert rides.plain


def events_of(*data: dict[str, Any]) -> Events:
    return Events(rides, 0, 5, range(len(data)), orjson.dumps(list(data)))


def test_a_field_is_plain_data_and_its_default_where_an_event_lacks_it() -> None:
    events = events_of({"at": "1970-01-01T01:00:00+01:00", "minutes": 2}, {"at": "1970-01-01T00:00:01Z"})
    assert events.column("at") == [0, 1_000_000]
    assert list(map(repr, events.column("minutes"))) == ["2.0", "1.5"]
    assert events.column("station") == [None, None]


@pytest.mark.parametrize(
    ("name", "wrong", "right", "expected"),
    [("minutes", "many", 3, 3.0), ("minutes", [1], 3, 3.0), ("at", "soon", "1970-01-01T00:00:01Z", 1_000_000)],
)
def test_a_value_of_another_type_is_none_and_stops_nobody(name: str, wrong: Any, right: Any, expected: Any) -> None:
    """A process that still had another model stored it."""
    assert events_of({name: wrong}, {name: right}).column(name) == [None, expected]


def test_an_event_has_its_place_in_the_total_order() -> None:
    assert events_of({}, {}).orders == [(0, 0, 5), (1, 0, 6)]


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_pieces_hold_the_same_events_at_the_same_places(most: int) -> None:
    events = events_of(*({"at": "1970-01-01T00:00:00Z", "minutes": number} for number in range(3)))
    pieces = list(events.pieces(most))
    assert all(len(piece) <= most for piece in pieces)
    for column in ("minutes", "station"):
        assert [value for piece in pieces for value in piece.column(column)] == events.column(column)
    assert [order for piece in pieces for order in piece.orders] == events.orders
    assert [model for piece in pieces for model in piece.models] == events.models
    assert [piece.offset for piece in pieces] == list(range(5, 8, most))
