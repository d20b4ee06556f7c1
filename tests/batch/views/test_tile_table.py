"""Tables of tiles: rows of cells, through Arrow and back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import Events
from anabranch.instant import instant_us
from anabranch.view import Tiles, View
from batch.views import tile_table
from tests.batch.application import app
from tests.batch.rides import rides

VIEWS = [app.views[name] for name in ("in_sql", "ever", "alone")]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_tiles_come_back_from_a_table_as_they_were(view: View) -> None:
    some = rides(200, seed=4)
    tiles: Tiles = {}
    assert not view.fold(tiles, Events(view.of, 0, 0, [instant_us(ride["at"]) for ride in some], orjson.dumps(some)))
    table = tile_table.arrow(tile_table.columns(view), tile_table.rows(view, tiles))
    back = [row for batch in table.to_batches() for row in tile_table.plain(batch)]
    width = len(view.key_fields)
    found: Tiles = {}
    for row in back:
        found.setdefault(row[:width], {})[row[width]] = view.unpack(row[width + 1 :])
    places = [(key, start) for key, by_start in tiles.items() for start in by_start]
    assert [(key, start) for key, by_start in found.items() for start in by_start] == places
    for key, start in places:
        assert view.pack(found[key][start]) == view.pack(tiles[key][start])


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"])),
    "BOOLEAN": st.booleans(),
    "BLOB": st.binary(),
}


@given(st.data(), st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4), st.integers(0, 6))
def test_plain_values_are_those_that_went_in_of_their_own_types(
    data: st.DataObject, types: list[str], count: int
) -> None:
    rows = [tuple(data.draw(st.none() | VALUES[sql_type]) for sql_type in types) for _ in range(count)]
    table = tile_table.arrow([(f"c{at}", sql_type) for at, sql_type in enumerate(types)], rows)
    assert table.num_rows == count
    back = [row for batch in table.to_batches() for row in tile_table.plain(batch)]
    assert back == rows
    assert [list(map(type, row)) for row in back] == [list(map(type, row)) for row in rows]


def test_the_columns_are_the_key_the_tile_and_the_packed_cells() -> None:
    names = [name for name, _ in tile_table.columns(app.views["kept"])]
    assert names[:2] == ["k0", "tile"]
    assert names[2:] == [name for name, _ in app.views["kept"].columns]
    assert tile_table.columns(app.views["pairs"])[0] == ("k0", "VARCHAR"), "what a function makes is a text"
    assert tile_table.columns(app.views["ever"])[0] == ("k0", "BIGINT")
