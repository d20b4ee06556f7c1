"""The merged answer equals a few lines of plain Python over all events, wherever the log is cut."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, Events, View, agg
from anabranch.agg.aggregate import Aggregate
from anabranch.instant import iso
from anabranch.view import Tiles, key_order
from serving.answers import merged_answer
from serving.answers.selection import Group, ViewQuery
from speed.state import Epoch, SpeedState
from speed.still_reader import StillReader
from speed.tile_selection import Row, TileSelection

HOUR = 3_600_000_000
KEEP = 30 * HOUR


class Rental(BaseModel):
    station: str | None
    bike: int
    minutes: int


app = App("answers")
rentals = app.stream("rentals", Rental)
n, total = agg.count(), agg.sum("minutes")
views = [
    app.view("usage", of=rentals, by=("station", "bike"), tile="1h", keep="30h", n=n, total=total),
    app.view("stations", of=rentals, by="station", tile="1h", n=n, total=total),
    app.view("everything", of=rentals, n=n, total=total),
]
events = st.tuples(
    st.integers(-60 * HOUR, 60 * HOUR),
    st.fixed_dictionaries(
        {"station": st.sampled_from(["a", "b", "ü", None]), "bike": st.integers(0, 2), "minutes": st.integers(0, 99)}
    ),
)
moments = st.integers(-70 * HOUR, 70 * HOUR)


@st.composite
def queries(draw: st.DrawFn, view: View) -> ViewQuery:
    keys: dict[str, Any] = {}
    for name in view.key_fields:
        if draw(st.booleans()):
            keys[name] = draw(st.integers(0, 2) if name == "bike" else st.sampled_from(["a", "ü", "no such"]))
    times: dict[str, Any] = {}
    if view.tile_us is not None:
        times["end"] = draw(st.none() | moments)
        which = draw(st.sampled_from(["start", "last_us", ""]))
        if which == "start":
            times["start"] = draw(moments.filter(lambda start: times["end"] is None or start <= times["end"]))
        elif which == "last_us":
            times["last_us"] = draw(st.integers(1, 100 * HOUR))
    group: Group = "total" if draw(st.booleans()) else "tile"
    return ViewQuery(keys, **times, group=group, limit=draw(st.sampled_from([1, 2, 7, 1000])))


def plainly(view: View, log: list[tuple[int, dict[str, Any]]], query: ViewQuery) -> list[dict[str, Any]]:
    """What the view must answer, without tiles, states and merging."""
    newest = max((time for time, _ in log), default=None)
    start, end = query.start, query.end
    if query.last_us is not None:
        if newest is None:
            return []
        end = newest + 1 if end is None else end
        start = end - query.last_us
    rows: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for time, event in log:
        tile = 0 if view.tile_us is None else time // view.tile_us * view.tile_us
        key = tuple(event[name] for name in view.key_fields)
        if any(event[name] != value for name, value in query.keys.items()):
            continue
        if view.keep_us is not None and newest is not None and tile + HOUR <= newest - view.keep_us:
            continue
        if (start is not None and (start == end or tile + HOUR <= start)) or (end is not None and tile >= end):
            continue
        row = rows[key, tile if query.group == "tile" and view.tile_us else None]
        row[0] += 1
        row[1] += event["minutes"]
    return [
        {
            **dict(zip(view.key_fields, key, strict=True)),
            "tile": None if tile is None else iso(tile),
            "n": n,
            "total": total,
        }
        for (key, tile), (n, total) in sorted(rows.items(), key=lambda item: (key_order(item[0][0]), item[0][1] or 0))
    ]


def folded(view: View, log: list[tuple[int, dict[str, Any]]]) -> Tiles:
    tiles: Tiles = {}
    if log:
        data = orjson.dumps([event for _, event in log])
        view.fold(tiles, Events(rentals, 0, 0, [time for time, _ in log], data))
    return tiles


def taken(view: View, epochs: list[Tiles], selection: TileSelection, query: ViewQuery) -> list[Row]:
    """The rows of some epochs."""
    state = SpeedState(epochs=[Epoch(Cut((at,)), None, {view.name: tiles}) for at, tiles in enumerate(epochs)])
    reader = StillReader(App("bikes"), state)
    found = reader.tiles(view, query.keys, query.place, lambda _: selection, None)
    assert found is not None
    assert found.taken is not None
    return found.taken.rows(view)


def ask(view: View, batch: Tiles, epochs: list[Tiles], query: ViewQuery, watermark: int | None) -> list[dict[str, Any]]:
    """All pages of an answer."""
    rows: list[dict[str, Any]] = []
    place = None
    while True:
        paged = ViewQuery(
            query.keys, query.start, query.end, query.last_us, query.layer, query.group, query.limit, place
        )
        selection = merged_answer.select(view, paged, watermark)
        if selection is None:
            return rows
        speed, published = taken(view, epochs, selection, paged), taken(view, [batch], selection, paged)
        page, more = merged_answer.page(view, selection, published, speed)
        assert len(page) <= query.limit
        rows += merged_answer.present(view, page, query.group == "total")
        if more is None:
            return rows
        assert page, "a page that is not the last is not empty"
        place = page[-1][0], page[-1][1]


@given(st.data(), st.lists(events, max_size=40), st.integers(0, 40), st.integers(0, 40), st.sampled_from(views))
def test_batch_and_two_epochs_merge_to_what_plain_python_says(
    data: st.DataObject, log: list[tuple[int, dict[str, Any]]], cut: int, marker: int, view: View
) -> None:
    query = data.draw(queries(view))
    batch, epochs = folded(view, log[:cut]), [folded(view, log[cut : cut + marker]), folded(view, log[cut + marker :])]
    before = [{key: dict(tiles) for key, tiles in epoch.items()} for epoch in epochs]
    watermark = max((time for time, _ in log), default=None)

    assert ask(view, batch, epochs, query, watermark) == plainly(view, log, query)
    assert epochs == before, "asking changes no state"


def test_the_states_of_every_aggregate_can_be_taken() -> None:
    aggregates: dict[str, Aggregate] = {}
    for name in ("count", "first", "last", "distinct", "top", "collect"):
        aggregates[name] = getattr(agg, name)("station")
    for name in ("sum", "mean", "min", "max", "variance"):
        aggregates[name] = getattr(agg, name)("minutes")
    aggregates["quantile"] = agg.quantile("minutes", 0.5)
    aggregates["histogram"] = agg.histogram("minutes", [1, 5])
    view = View("all", rentals, "bike", aggregates)
    assert {type(aggregate).__name__ for aggregate in view.aggregates.values()} == set(agg.__all__), "all are here"
    log = [(n, {"station": f"s{n}", "bike": n % 3, "minutes": n % 60}) for n in range(3_000)]
    epochs = [folded(view, log[:1_000]), folded(view, log[1_000:])]
    query = ViewQuery({})
    selection = merged_answer.select(view, query, None)
    assert selection is not None

    rows = taken(view, epochs, selection, query)

    whole = folded(view, log)
    assert [key for key, _, _ in rows] == sorted(whole)
    for key, start, cells in rows:
        told, expected = view.present(cells), view.present(whole[key][start])
        assert told.pop("variance") == pytest.approx(expected.pop("variance"))
        assert told == expected


def test_a_tile_that_begins_before_the_year_one_is_told_as_the_first_instant() -> None:
    assert merged_answer.tile_text(-(10**17)) == "0001-01-01T00:00:00Z"
    assert merged_answer.tile_text(HOUR) == "1970-01-01T01:00:00Z"
