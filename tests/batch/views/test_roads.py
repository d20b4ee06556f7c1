"""The fold in SQL, the fold in Python and the fold of the definition language are one."""

from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anabranch import agg
from anabranch.events import Events
from anabranch.instant import instant_us
from anabranch.view import Tiles, View
from batch.views import sql_fold
from tests.batch.application import of_columns
from tests.batch.conftest import Home
from tests.batch.rides import rides


def test_the_application_of_these_tests_has_every_aggregate() -> None:
    assert {type(aggregate).__name__ for aggregate in of_columns().values()} == set(agg.__all__)


@pytest.mark.parametrize("slice_records", [37, 1_000_000])
def test_both_roads_agree_with_the_fold_over_the_whole_log(home: Home, slice_records: int) -> None:
    home.post("rides", rides(200, seed=1))
    home.post("words", [{"text": "to be or not"}, {"text": ""}, {"text": "be"}])
    home.post("rides", rides(150, seed=2))
    home.run(slice_records=slice_records)
    served = home.served(1)
    for view in home.app.views.values():
        assert_same(served[view.name], folded(home, view))
    assert_same(served["in_sql"], served["in_python"])


def test_the_sql_road_is_taken_where_it_can(home: Home) -> None:
    home.post("rides", rides(10))
    home.run()
    files = home.lake.files("rides", 0, 10)
    taken = {v.name for v in home.app.views_of("rides") if sql_fold.usable(v, files)}
    assert taken == {"in_sql", "alone", "kept"}


@given(
    st.lists(st.integers(instant_us("0001-01-01T00:00:00Z"), instant_us("9999-12-31T00:00:00Z")), min_size=1),
    st.integers(1, 10**14),
)
@example([-1, 0, 1, 59, 60, 61, -59, -60, -61], 60)
def test_sql_puts_a_time_into_the_tile_that_python_puts_it_into(times: list[int], width: int) -> None:
    rows = duckdb.execute(f"SELECT {sql_fold.tile_sql('t', width)} FROM (SELECT unnest(?::BIGINT[]) AS t)", [times])
    assert [tile for (tile,) in rows.fetchall()] == [time // width * width for time in times]


def test_events_on_which_a_function_raised_are_counted_and_left_out(home: Home) -> None:
    home.post("words", [{"text": "word"}, {"text": "be"}, {"text": "or"}])
    home.run()
    home.post("words", [{"text": "x"}])
    home.run()
    generation = home.open(2)
    assert generation.manifest["views"]["fragile"]["failures"] == 3
    assert generation.manifest["views"]["pairs"]["failures"] == 0
    assert home.served(2)["fragile"] == {(("d",), 0): {"n": 1}}


def test_more_tiles_than_fit_into_memory_are_written_and_merged(home: Home) -> None:
    for part in range(6):
        home.post("words", [{"text": f"a{part}-{index} b{part}-{index} c again{index}"} for index in range(9_000)])
    home.run(slice_records=100_000)
    served = home.served(1, home.app.views["pairs"])["pairs"]
    assert len(served) == 6 * 2 * 9_000 + 1 + 9_000
    assert served[("c",), 0] == {"n": 54_000}
    assert {served[(f"again{index}",), 0]["n"] for index in range(9_000)} == {6}


def test_the_table_for_analysts_says_what_the_answers_say(home: Home) -> None:
    home.post("rides", rides(300, seed=3))
    home.run()
    view = home.app.views["in_sql"]
    table = home.open(1).path(view, "table")
    found = pq.read_table(table)
    assert {str(found.schema.field(name).type) for name in ("tile", "earliest")} == {"timestamp[us, tz=UTC]"}
    answers = home.served(1)["in_sql"]
    for (((station, member), tile), answer), shown in zip(answers.items(), found.to_pylist(), strict=True):
        assert (shown["station"], shown["member"], instant_us(shown["tile"])) == (station, member, tile)
        for name, value in answer.items():
            assert_shown(name, shown[name], value)


def assert_shown(name: str, shown: Any, value: Any) -> None:
    if name == "whole" and not -(2**63) <= value < 2**63:
        assert shown is None
    elif hasattr(shown, "isoformat"):
        assert shown.isoformat().replace("+00:00", "Z") == value
    elif isinstance(shown, str) and not isinstance(value, str):
        assert json.loads(shown) == value
    elif isinstance(value, float) and shown is not None:
        assert math.isclose(shown, value, rel_tol=1e-9, abs_tol=1e-12), name
    else:
        assert shown == value, name


def folded(home: Home, view: View) -> dict[Any, Any]:
    """The fold of the log as it is read, record by record."""
    tiles: Tiles = {}
    newest = 0
    for segment in home.segments():
        if segment.stream == view.of.name:
            view.fold(tiles, Events(view.of, 0, segment.offset, segment.times, segment.data))
            newest = max(newest, *segment.times)
    oldest = view.oldest_kept(newest)
    return {
        (key, tile): view.present(cells)
        for key, by_tile in tiles.items()
        for tile, cells in by_tile.items()
        if oldest is None or tile >= oldest
    }


def assert_same(found: dict[Any, Any], expected: dict[Any, Any]) -> None:
    assert found.keys() == expected.keys()
    for place, answer in expected.items():
        for name, value in answer.items():
            other = found[place][name]
            if isinstance(value, float) and isinstance(other, float):
                assert math.isclose(other, value, rel_tol=1e-9, abs_tol=1e-9), (place, name)
            else:
                assert other == value, (place, name)
                assert type(other) is type(value), (place, name)
