"""The index file of a view: whatever is asked of it, it answers as the list of its tiles does."""

from __future__ import annotations

from functools import cache
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch import Events
from anabranch.contributions import Cells, Key
from anabranch.instant import instant_us
from anabranch.view import Tiles, View, key_order
from batch.views import index_file
from batch.views.view_tiles import ViewTiles
from tests.batch.application import app as application
from tests.batch.rides import rides

KEYS = st.tuples(st.sampled_from([None, "", "A", "B", "日本"]), st.sampled_from([None, False, True]))
PLACES = st.sets(st.tuples(KEYS, st.integers(-3, 30)), max_size=60)
BOUNDS = st.none() | st.integers(-5, 32)


@settings(max_examples=200)
@given(
    places=PLACES,
    block_bytes=st.sampled_from([1, 300, 1_000_000]),
    split=st.integers(0, 60),
    keys=st.fixed_dictionaries({}, optional={"station": KEYS.map(lambda k: k[0]), "member": KEYS.map(lambda k: k[1])}),
    start=BOUNDS,
    end=BOUNDS,
    after=st.none() | st.tuples(KEYS, st.integers(-5, 32)),
    limit=st.none() | st.integers(1, 5),
)
def test_an_index_of_any_tiles_answers_as_a_list_of_them_does(
    places: set[tuple[Key, int]],
    block_bytes: int,
    split: int,
    keys: dict[str, Any],
    start: int | None,
    end: int | None,
    after: tuple[Key, int] | None,
    limit: int | None,
) -> None:
    view = application.views["in_sql"]
    ordered = sorted(places, key=order)
    cells = dict(zip(ordered, cycle(some_cells(view)), strict=False))
    rows = [(*key, tile, *view.pack(cells[key, tile])) for key, tile in ordered]
    with TemporaryDirectory() as folder:
        index_file.create(Path(folder) / "index", view, [rows[:split][::-1], rows[split:]], block_bytes)
        tiles = ViewTiles(view, [Path(folder) / "index"])
        found = list(islice(tiles.read(keys, start, end, after), limit))
        tiles.close()
    expected = [
        (key, tile)
        for key, tile in ordered
        if all(dict(zip(view.key_fields, key, strict=True))[name] == value for name, value in keys.items())
        and (start is None or tile >= start)
        and (end is None or tile < end)
        and (after is None or order((key, tile)) > order(after))
    ][:limit]
    assert [(key, tile) for key, tile, _ in found] == expected
    assert [view.pack(read) for _, _, read in found] == [view.pack(cells[place]) for place in expected]


@cache
def some_cells(view: View) -> list[Cells]:
    """Cells as they come, with every kind of value missing now and then."""
    some = rides(150)
    tiles: Tiles = {}
    times = [instant_us(ride["at"]) for ride in some]
    assert not view.fold(tiles, Events(view.of, 0, 0, times, orjson.dumps(some)))
    return [cells for by_start in tiles.values() for cells in by_start.values()]


def order(place: tuple[Key, int]) -> tuple[Any, int]:
    return key_order(place[0]), place[1]
