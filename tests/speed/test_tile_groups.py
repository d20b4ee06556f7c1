"""Totals over many tiles: whatever is kept of them, they are what merging tile after tile says."""

from __future__ import annotations

import json
import threading
from array import array
from contextlib import nullcontext
from datetime import datetime
from math import isclose
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, Events, agg
from anabranch.instant import iso
from anabranch.view import Key
from serving.answers.merged_answer import select
from serving.answers.selection import ViewQuery
from speed import page_reading
from speed.expiry import Expiry
from speed.fold import fold_events
from speed.live_reader import LiveReader
from speed.state import Epoch, SpeedState
from speed.tile_groups import FAN, WORTH_GROUPS, KeyGroups
from speed.tile_selection import starts_of

SECOND = 1_000_000
START = 1_700_000_000 * SECOND // (60 * SECOND) * (60 * SECOND)


class Ride(BaseModel):
    station: str
    at: datetime
    minutes: float


app = App("rides")
rides = app.stream("rides", Ride, key="station", time="at")
view = app.view(
    "by_second",
    of=rides,
    by="station",
    tile="1s",
    keep="1h",
    n=agg.count(),
    minutes=agg.sum("minutes"),
    riders=agg.distinct("station"),
    p=agg.quantile("minutes", 0.5),
    newest=agg.last("minutes"),
)


def fold(state: SpeedState, events: list[tuple[str, int, float]]) -> None:
    """Events: station, second, minutes."""
    if not events:
        return
    times = [START + second * SECOND for _, second, _ in events]
    data = [{"station": s, "at": iso(t), "minutes": m} for (s, _, m), t in zip(events, times, strict=True)]
    offset = state.cut.offsets[0]
    fold_events(state, Events(rides, 0, offset, array("q", times), json.dumps(data).encode()), app)


def naive(state: SpeedState, query: ViewQuery) -> list[tuple[Key, Any]]:
    """Every tile looked at, and merged one after the other."""
    selection = select(view, query, state.watermarks.get("rides"))
    if selection is None:
        return []
    layers = [epoch.tiles.get("by_second", {}) for epoch in state.epochs]
    rows = []
    for key in sorted({key for tiles in layers for key in tiles}):
        if any(key[view.key_fields.index(name)] != value for name, value in query.keys.items()):
            continue
        parts = [tiles[key] for tiles in layers if key in tiles]
        starts = starts_of(view, parts, selection)
        cells = view.zero()
        for start in starts:
            for part in parts:
                if start in part:
                    cells = view.merge(cells, part[start])
        if starts:
            rows.append((key, view.present(cells)))
    return rows


def answer(reader: LiveReader, query: ViewQuery) -> list[tuple[Key, Any]]:
    tiles = reader.tiles(view, query.keys, None, lambda w: select(view, query, w), reader.publication)
    assert tiles is not None
    return [] if tiles.taken is None else [(key, view.present(cells)) for key, _, cells in tiles.taken.rows(view)]


def assert_same(found: list[tuple[Key, Any]], expected: list[tuple[Key, Any]]) -> None:
    assert [key for key, _ in found] == [key for key, _ in expected]
    for (_, mine), (_, theirs) in zip(found, expected, strict=True):
        assert isclose(
            mine.pop("minutes"), theirs.pop("minutes"), rel_tol=1e-12
        )  # grouped otherwise, rounded otherwise
        assert mine == theirs


EVENT = st.tuples(st.sampled_from("ab"), st.integers(0, 5_000), st.floats(0, 1e6))
DENSE = st.tuples(st.integers(0, 4_000), st.integers(1, 400)).map(
    lambda run: [("a", run[0] + second, float(second)) for second in range(run[1])]
)
QUERY = st.builds(
    ViewQuery,
    keys=st.sampled_from([{}, {"station": "a"}]),
    start=st.none() | st.integers(0, 5_000).map(lambda second: START + second * SECOND),
    end=st.none() | st.integers(5_000, 9_000).map(lambda second: START + second * SECOND),
    group=st.just("total"),
)
STEP = st.one_of(DENSE, st.lists(EVENT, max_size=5), QUERY, st.sampled_from(["expire", "begin", "join"]))


@settings(max_examples=25)
@given(steps=st.lists(STEP, max_size=8))
def test_a_total_is_what_merging_tile_after_tile_says(steps: list[Any]) -> None:
    """Late events, events in dense runs, epochs that begin and are joined, tiles that expire: in any order."""
    state = SpeedState()
    reader, expiry = LiveReader(app, state, lambda: 0), Expiry(app)
    for step in steps:
        if isinstance(step, ViewQuery):
            assert_same(answer(reader, step), naive(state, step))
        elif isinstance(step, list):
            with reader.changing():
                fold(state, step)
        elif step == "expire":
            expiry.drop_expired(state, nullcontext)
        elif step == "begin":
            state.epochs.append(Epoch(state.cut))
        elif len(state.epochs) > 1:
            later = state.epochs.pop()
            state.epochs[-1].join(later, app)
    for query in (ViewQuery({}, group="total"), ViewQuery({"station": "a"}, last_us=600 * SECOND, group="total")):
        assert_same(answer(reader, query), naive(state, query))
        assert_same(answer(reader, query), naive(state, query))  # from what is kept


def test_a_total_looks_at_few_tiles_once_they_were_merged() -> None:
    state = SpeedState()
    for first in range(0, 1_500, 500):
        fold(state, [("a", first + second, 1.0) for second in range(500)])
    reader = LiveReader(app, state, lambda: 0)
    query = ViewQuery({"station": "a"}, group="total")
    answer(reader, query)
    groups = state.epochs[-1].groups["by_second"].of(("a",), state.epochs[-1].tiles["by_second"][("a",)])
    assert groups is not None
    kept = [groups.piece(run) for run in groups.runs(None, None, START + 1_499 * SECOND)]
    assert all(isinstance(piece, list) for piece in kept)
    assert len(kept) <= 2 * FAN * 4
    fold(state, [("a", 10, 1.0)])  # late: only the groups that hold it are made again
    missing = [run for run in groups.runs(None, None, START + 1_499 * SECOND) if isinstance(groups.piece(run), tuple)]
    assert len(missing) == 1
    assert_same(answer(reader, query), naive(state, query))


def test_the_groups_of_a_range_follow_from_its_tiles_and_ends_alone() -> None:
    tiles = {second * SECOND: [1] for second in range(WORTH_GROUPS * FAN)}
    known = KeyGroups(tiles, SECOND)
    known.look()
    fresh = KeyGroups(dict(reversed(list(tiles.items()))), SECOND)
    fresh.look()
    for first, stop, open_start in ((None, None, 300 * SECOND), (3 * SECOND, 400 * SECOND, 10**18)):
        assert list(known.runs(first, stop, open_start)) == list(fresh.runs(first, stop, open_start))


def test_a_page_over_many_keys_never_holds_the_fold_up_for_all_of_them() -> None:
    """Of 10,000 keys, ten have something in the last minute: while they are looked for, the fold gets in between."""
    state = SpeedState()
    fold(state, [(f"k{number:05d}", 0, 1.0) for number in range(10_000)])
    fold(state, [(f"k{number * 1_000:05d}", 3_000, 1.0) for number in range(10)])
    reader = LiveReader(app, state, lambda: 0)
    looked = []
    holding = reader.holding

    def counted() -> Any:
        looked.append(1)
        return holding()

    reader.holding = counted  # type: ignore[method-assign]  # only counts
    query = ViewQuery({}, last_us=60 * SECOND)
    assert len(answer(reader, query)) == 10
    assert len(looked) > 10_000 / page_reading.LOOKED_AT_ONCE


def test_a_page_of_few_keys_with_many_tiles_does_not_look_at_other_keys() -> None:
    """A page of a thousand rows that two keys fill: to look at a thousand keys would hold the fold up for nothing."""
    state = SpeedState()
    for number in range(8):
        fold(state, [(f"k{number:02d}", second, 1.0) for second in range(1_000)])
    reader = LiveReader(app, state, lambda: 0)
    looked = []
    holding = reader.holding

    def counted() -> Any:
        looked.append(1)
        return holding()

    reader.holding = counted  # type: ignore[method-assign]  # only counts
    query = ViewQuery({}, start=START, limit=1_500)
    assert len(answer(reader, query)) == 1_501
    assert len(looked) <= 4


def test_a_page_is_that_of_one_cut_while_the_fold_goes_on() -> None:
    """Each step adds one event to every key; a page that saw different keys at different cuts would show it."""
    state = SpeedState()
    keys = [f"k{number:04d}" for number in range(3_000)]
    fold(state, [(key, 0, 1.0) for key in keys])
    reader = LiveReader(app, state, lambda: 0)
    stop = threading.Event()

    def go_on() -> None:
        second = 0
        while not stop.wait(0.02):
            second += 1
            with reader.changing():
                fold(state, [(key, second % 50, 1.0) for key in keys])

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for _ in range(3):
            query = ViewQuery({}, group="total", limit=10_000)
            counts = {row["n"] for _, row in answer(reader, query)}
            assert len(counts) == 1
    finally:
        stop.set()
        thread.join()


def test_the_cut_of_an_empty_state_is_the_beginning() -> None:
    reader = LiveReader(app, SpeedState(), lambda: 0)
    tiles = reader.tiles(view, {}, None, lambda w: select(view, ViewQuery({}), w), None)
    assert tiles is not None
    assert tiles.cut == Cut()
