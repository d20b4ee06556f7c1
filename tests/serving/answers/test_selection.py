"""Every wrong thing in a query string is named, together with what would be right."""

from __future__ import annotations

import contextlib
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, agg
from serving.answers.selection import LAST_TILE, ViewQueries, ViewQuery, place_text
from serving.errors import QueryError


class Colour(Enum):
    red = "red"


class Ride(BaseModel):
    station: str | None
    bike: int
    electric: bool
    colour: Colour


app = App("queries")
rides = app.stream("rides", Ride)
tiled = ViewQueries(app.view("tiled", of=rides, by=("station", "bike", "electric"), tile="1h", n=agg.count()))
timeless = ViewQueries(app.view("timeless", of=rides, by="colour", n=agg.count()))
words = ViewQueries(app.view("words", of=rides, by=lambda ride: ride.station, n=agg.count()))


def test_every_parameter_is_read_by_its_type() -> None:
    query = tiled.read(
        b"station=a%20%C3%BC&bike=-7&electric=false&start=1970-01-01T01:00:00%2B01:00&end=1970-01-01T00:00:01Z"
        b"&layer=speed&group=total&limit=5&after=0:12&timeout_ms=250"
    )

    assert query == ViewQuery(
        {"station": "a ü", "bike": -7, "electric": False},
        start=0,
        end=1_000_000,
        layer="speed",
        group="total",
        limit=5,
        after=Cut((12,)),
        timeout_seconds=0.25,
    )


def test_nothing_asked_means_everything_merged() -> None:
    assert tiled.read(b"") == ViewQuery({}, limit=1_000, timeout_seconds=5.0)


def test_key_fields_keep_the_order_of_the_view() -> None:
    assert list(tiled.read(b"electric=true&bike=1&station=b").keys.items()) == [
        ("station", "b"),
        ("bike", 1),
        ("electric", True),
    ]


def test_a_function_key_is_called_key_and_is_text() -> None:
    assert words.read(b"key=12").keys == {"key": "12"}


def test_an_enumeration_key_is_its_value() -> None:
    assert timeless.read(b"colour=red").keys == {"colour": "red"}


def test_an_empty_text_is_a_text() -> None:
    assert tiled.read(b"station=").keys == {"station": ""}


@pytest.mark.parametrize(
    ("query_string", "parameter", "remedy"),
    [
        (b"statoin=a", "statoin", "the parameters here are: station, bike, electric, start"),
        (b"station=a&station=b", "station", "given twice"),
        (b"bike=one", "bike", "not a whole number"),
        (b"bike=1_0", "bike", "not a whole number"),
        (b"bike=9223372036854775808", "bike", "from -9223372036854775808 to 9223372036854775807"),
        (b"electric=1", "electric", "true, false"),
        (b"start=yesterday", "start", "like 2014-05-01T10:00:00Z"),
        (b"start=2014-05-01T10:00:00", "start", "with a time zone"),
        (b"start=2014-05-01T10:00:00+02:00", "start", "%2B"),
        (b"last=90", "last", "'1h'"),
        (b"last=1h&start=2014-05-01T10:00:00Z", "last", "cannot stand beside start"),
        (b"start=2014-05-02T00:00:00Z&end=2014-05-01T00:00:00Z", "end", "before start"),
        (b"layer=fast", "layer", "merged, batch, speed"),
        (b"group=day", "group", "tile, total"),
        (b"limit=0", "limit", "from 1 to 100000"),
        (b"limit=100001", "limit", "from 1 to 100000"),
        (b"limit=", "limit", "from 1 to 100000"),
        (b"timeout_ms=120001", "timeout_ms", "from 0 to 120000"),
        (b"after=12", "after", "'0:1234'"),
        (b"next=nonsense", "next", "leave it out"),
        (b"next=%C3%BC", "next", "leave it out"),
        (b"next=W10%3D", "next", "leave it out"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(query_string: bytes, parameter: str, remedy: str) -> None:
    with pytest.raises(QueryError) as caught:
        tiled.read(query_string)

    assert caught.value.parameter == parameter
    assert remedy in caught.value.problem


@pytest.mark.parametrize("query_string", [b"start=2014-05-01T10:00:00Z", b"end=2014-05-01T10:00:00Z", b"last=1h"])
def test_a_view_without_tiles_has_no_range(query_string: bytes) -> None:
    with pytest.raises(QueryError, match="has no tiles"):
        timeless.read(query_string)


@given(st.none() | st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.integers(-(2**62), LAST_TILE))
def test_next_is_read_back_as_the_place_it_was_written_for(
    station: str | None, bike: int, electric: bool, tile: int
) -> None:
    place = ((station, bike, electric), tile)

    assert tiled.read(f"next={place_text(place)}".encode()).place == place


@given(st.binary())
def test_no_query_string_breaks_the_parser(query_string: bytes) -> None:
    with contextlib.suppress(QueryError):
        tiled.read(query_string)
