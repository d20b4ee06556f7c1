"""What events add to a view: made from the events alone, and folded when it is time."""

from __future__ import annotations

import enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from anabranch.contributions import contributions_of, key_text
from anabranch.view import Tiles

HOUR = 3_600_000_000
app = App("rides")


class Ride(BaseModel):
    station: str | None
    minutes: int


def words(ride: Any) -> Any:
    if ride.station is None:
        raise ValueError("planted")
    return ride.station.split()


rides = app.stream("rides", Ride)
VIEWS = [
    app.view("by_field", of=rides, by="station", tile="1h", n=agg.count(), total=agg.sum("minutes")),
    app.view("alone", of=rides, n=agg.count(), newest=agg.last("minutes"), all=agg.collect("minutes")),
    app.view("some", of=rides, by="station", where=lambda r: r.minutes > 2, n=agg.count(), last=agg.last("minutes")),
    app.view("words", of=rides, by=words, tile="1h", n=agg.count(), total=agg.sum("minutes")),
    app.view("odd", of=rides, by="station", n=agg.count(), long=agg.count(where=lambda ride: 12 // ride.minutes < 4)),
]
EVENTS = st.lists(
    st.tuples(st.integers(-3 * HOUR, 3 * HOUR), st.sampled_from([None, "", "a", "a b", "b b a"]), st.integers(0, 5)),
    max_size=12,
)


def events(log: list[tuple[int, str | None, int]], offset: int = 0) -> Events:
    data = orjson.dumps([{"station": station, "minutes": minutes} for _, station, minutes in log])
    return Events(rides, 0, offset, [time for time, _, _ in log], data)


def presented(view: View, tiles: Tiles) -> Any:
    return {key: {s: view.present(c) for s, c in sorted(by_start.items())} for key, by_start in tiles.items()}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@given(log=EVENTS, cut=st.integers(0, 12))
def test_contributions_come_in_the_order_of_their_events_and_may_be_folded_in_parts(
    view: View, log: list[tuple[int, str | None, int]], cut: int
) -> None:
    cut = min(cut, len(log))
    whole = contributions_of(view, events(log))
    first, second = contributions_of(view, events(log[:cut])), contributions_of(view, events(log[cut:], cut))
    assert whole.count_before(cut) == len(first)
    assert whole.count_before(0) == 0
    assert whole.count_before(len(log)) == len(whole) == len(first) + len(second)
    assert list(whole.keys) == [*first.keys, *second.keys]
    assert list(whole.starts) == [*first.starts, *second.starts]
    assert whole.failures == first.failures + second.failures
    in_one: Tiles = {}
    in_two: Tiles = {}
    whole.fold_into(in_one)
    first.fold_into(in_two)
    second.fold_into(in_two)
    assert presented(view, in_one) == presented(view, in_two)


@given(EVENTS)
def test_one_by_one_they_add_what_they_add_together(log: list[tuple[int, str | None, int]]) -> None:
    """`adds` is what the windows of features are made of: it must be the fold."""
    for view in VIEWS:
        whole = contributions_of(view, events(log))
        together: Tiles = {}
        whole.fold_into(together)
        alone: Tiles = {}
        for index, (key, start) in enumerate(zip(whole.keys, whole.starts, strict=True)):
            cells = alone.setdefault(key, {}).setdefault(start, view.zero())
            for slot, add, values in whole.adds:
                if values[index] is not None:
                    order = whole.orders[index] if whole.orders else (0, 0, 0)
                    cells[slot] = add(cells[slot], values[index], order)
        assert presented(view, alone) == presented(view, together)


def test_where_a_function_raises_only_its_own_share_is_left_out() -> None:
    log: list[tuple[int, str | None, int]] = [(0, "a", 1), (0, "a", 0), (0, None, 3)]
    found = {view.name: contributions_of(view, events(log)) for view in VIEWS}
    assert (len(found["words"]), found["words"].failures) == (2, 1)
    assert (len(found["odd"]), found["odd"].failures) == (3, 1), "the event counts, only the aggregate does not"
    tiles: Tiles = {}
    found["odd"].fold_into(tiles)
    assert presented(VIEWS[4], tiles) == {("a",): {0: {"n": 2, "long": 0}}, (None,): {0: {"n": 1, "long": 0}}}


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("returned", "keys"),
    [
        ("a", [("a",)]),
        (7, [("7",)]),
        (None, [(None,)]),
        (Colour.RED, [("red",)]),
        (["a", None, 3], [("a",), (None,), ("3",)]),
        (("a", "a"), [("a",), ("a",)]),
        ({"a": 1}, [("a",)]),
        ({"a"}, [("a",)]),
        ((word for word in "ab"), [("a",), ("b",)]),
        ([], []),
        ("", [("",)]),
    ],
)
def test_a_function_may_return_a_key_or_any_collection_of_keys(returned: Any, keys: list[Any]) -> None:
    view = View("v", rides, lambda ride: returned, {"n": agg.count()})
    found = contributions_of(view, events([(0, "x", 1)]))
    assert list(found.keys) == keys
    assert found.one_each is False


def test_a_key_is_a_text() -> None:
    assert [key_text(key) for key in (None, 1.5, True, Colour.RED)] == [None, "1.5", "True", "red"]
