"""Which tiles an event sees: to the microsecond, and for which other events that stays the same."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from anabranch.errors import ViewLookupError
from anabranch.features.window import AFTER_ALL, BEFORE_ALL, Bounds, window_class
from anabranch.view import Tiles

app = App("windows")


class Ride(BaseModel):
    minutes: int


rides = app.stream("rides", Ride)
WIDTH = 10
forever = View("forever", rides, (), {"n": agg.count()}, tile_us=WIDTH)
kept = View("kept", rides, (), {"n": agg.count(), "sum": agg.sum("minutes")}, tile_us=WIDTH, keep_us=35)
single = View("single", rides, (), {"n": agg.count()})

TIMES = st.integers(-60, 60)
LASTS = st.none() | st.integers(1, 50)
CLOCKS = st.none() | st.integers(-60, 120)


def seen(view: View, last: int | None, now: int, clock: int | None) -> set[int]:
    """The starts of the tiles that a window shows, in a few lines: those that overlap it and are not hidden."""
    oldest = view.oldest_kept(clock)
    starts = range(-500, 500, WIDTH)
    return {
        start
        for start in starts
        if start <= now and (last is None or start + WIDTH > now + 1 - last) and (oldest is None or start >= oldest)
    }


def shown(bounds: Bounds) -> set[int]:
    first = -500 if bounds.first is None else bounds.first
    return {start for start in range(-500, 500, WIDTH) if first <= start <= bounds.open_start}


@pytest.mark.parametrize("view", [forever, kept], ids=lambda view: view.name)
@given(last=LASTS, now=TIMES, clock=CLOCKS)
@example(last=1, now=9, clock=9)
@example(last=10, now=9, clock=None)
@example(last=11, now=10, clock=45)
@example(last=None, now=0, clock=100)
def test_a_window_shows_the_tiles_that_overlap_it_and_are_kept(
    view: View, last: int | None, now: int, clock: int | None
) -> None:
    assert shown(Bounds.of(view, last, now, clock)) == seen(view, last, now, clock)


@pytest.mark.parametrize("view", [forever, kept], ids=lambda view: view.name)
@given(last=LASTS, now=TIMES, clock=CLOCKS, other=TIMES, later=st.integers(0, 60))
def test_events_that_are_said_to_see_the_same_do(
    view: View, last: int | None, now: int, clock: int | None, other: int, later: int
) -> None:
    bounds = Bounds.of(view, last, now, clock)
    assert bounds.begins <= now < bounds.ends
    after = None if clock is None else clock + later
    if bounds.begins <= other < bounds.ends and (after is None or after < bounds.clock_ends):
        assert seen(view, last, other, after) == seen(view, last, now, clock)


def test_a_view_without_tiles_has_one_that_every_event_sees() -> None:
    bounds = Bounds.of(single, None, 17, 99)
    assert (bounds.begins, bounds.ends, bounds.clock_ends) == (BEFORE_ALL, AFTER_ALL, AFTER_ALL)
    assert bounds.open_start == 0


def test_an_event_that_is_too_late_for_its_own_tile_shows_none() -> None:
    assert shown(Bounds.of(kept, None, 0, 1_000)) == set()


RIDES = st.lists(st.tuples(st.integers(-45, 45), st.integers(0, 9)), max_size=12)


def tiles(part: list[tuple[int, int]]) -> Any:
    found: Tiles = {}
    data = orjson.dumps([{"minutes": minutes} for _, minutes in part])
    if part:
        kept.fold(found, Events(rides, 0, 0, [time for time, _ in part], data))
    return found.get((), {})


@given(st.lists(RIDES, max_size=3), RIDES, LASTS, TIMES)
def test_a_window_merges_what_all_layers_have_of_its_tiles(
    older: list[list[tuple[int, int]]], newest: list[tuple[int, int]], last: int | None, now: int
) -> None:
    bounds = Bounds.of(kept, last, now, None)
    window = window_class(kept)(bounds, WIDTH, [layer for layer in map(tiles, older) if layer])
    window._newest = mine = tiles(newest)
    window._open = mine.get(bounds.open_start)
    inside = [
        minutes
        for part in [*older, newest]
        for time, minutes in part
        if time // WIDTH * WIDTH in seen(kept, last, now, None)
    ]
    assert (window.n, window.sum) == (len(inside), sum(inside))
    assert (window.n, window.sum) == (len(inside), sum(inside)), "the same when it is looked at again"


def test_an_aggregate_that_is_not_there_is_answered_with_those_that_are() -> None:
    window = window_class(kept)(Bounds(), None, [])
    with pytest.raises(ViewLookupError, match="no aggregate 'minuts'; it has: n, sum"):
        _ = window.minuts
    assert (window.n, window.sum) == (0, 0)
