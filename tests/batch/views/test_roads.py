"""The fold in SQL, the fold in Python and the fold of the definition language are one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from anabranch import agg
from anabranch.events import Events
from anabranch.view import Tiles, View
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


def test_events_on_which_a_function_raised_are_counted_and_left_out(home: Home) -> None:
    home.post("words", [{"text": "word"}, {"text": "be"}, {"text": "or"}])
    home.run()
    home.post("words", [{"text": "x"}])
    home.run()
    generation = home.open(2)
    assert generation.manifest["views"]["fragile"]["failures"] == 3
    assert generation.manifest["views"]["pairs"]["failures"] == 0
    assert home.served(2)["fragile"] == {(("d",), 0): {"n": 1}}


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
