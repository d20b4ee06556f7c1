"""Which tiles an answer is made of: the same as a plain look at all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, agg
from speed.state import Epoch
from speed.tile_selection import TileSelection, take


class Ride(BaseModel):
    station: str
    at: datetime


app = App("rides")
view = app.view("hourly", of=app.stream("rides", Ride, time="at"), by="station", tile="1h", n=agg.count())
HOUR = 3_600_000_000
KEYS = [("a",), ("b",), ("c",)]
STARTS = st.integers(-2, 8).map(lambda hour: hour * HOUR)
EPOCH = st.dictionaries(
    st.sampled_from(KEYS), st.dictionaries(STARTS, st.integers(1, 9).map(lambda n: [n]), min_size=1, max_size=6)
)
BOUND = st.none() | STARTS


@given(
    epochs=st.lists(EPOCH, min_size=1, max_size=3),
    first=BOUND,
    stop=BOUND,
    place=st.none() | st.tuples(st.sampled_from(KEYS), STARTS),
    limit=st.integers(1, 9),
    total=st.booleans(),
)
def test_the_rows_are_those_of_a_plain_look_at_every_tile(
    epochs: list[Any], first: int | None, stop: int | None, place: Any, limit: int, total: bool
) -> None:
    wanted = [key for key in KEYS if place is None or key >= place[0]]
    rows = take(
        view,
        [Epoch(Cut(), tiles={view.name: tiles}) for tiles in epochs],
        TileSelection(first, stop, place, limit, total),
        wanted,
    ).rows(view)
    expected: list[Any] = []
    for key in wanted:
        starts = sorted({start for tiles in epochs for start in tiles.get(key, {})})
        within = [s for s in starts if (first is None or s >= first) and (stop is None or s < stop)]
        expected += [
            (key, start, [sum(tiles.get(key, {}).get(start, [0])[0] for tiles in epochs)])
            for start in within
            if place is None or (key, start) > place
        ]
    if total:  # a row a key, from its first tile on; the last page ended behind all tiles of a key
        by_key: dict[Any, Any] = {}
        for key, start, cells in expected:
            if place is None or key > place[0]:
                by_key.setdefault(key, (key, start, [0]))[2][0] += cells[0]
        expected = list(by_key.values())
    expected = expected[:limit]
    assert [(key, start, list(cells)) for key, start, cells in rows] == expected


def test_what_was_taken_does_not_change_when_the_fold_goes_on() -> None:
    cells = [1]
    taken = take(
        view,
        [Epoch(Cut(), tiles={view.name: {("a",): {0: cells}}})],
        TileSelection(None, None, None, 9, total=False),
        KEYS,
    )
    cells[0] = 7
    assert [list(row[2]) for row in taken.rows(view)] == [[1]]
