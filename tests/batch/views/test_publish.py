"""The two files that a generation has of a view say the same, and what the answers say."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from anabranch.instant import instant_us
from anabranch.view import View, key_order
from batch.generation import Generation
from batch.views.published_table import ViewTables, published
from tests.batch.conftest import Home
from tests.batch.rides import rides


def test_the_table_for_analysts_says_what_the_answers_say(home: Home) -> None:
    home.post("rides", rides(300, seed=3))
    home.run()
    view = home.app.views["in_sql"]
    (table,) = home.open(1).tables(view)
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


@pytest.mark.parametrize("worth_a_layer", [0, 1_000_000])
def test_table_and_index_hold_the_same_tiles_in_the_same_order_from_run_to_run(home: Home, worth_a_layer: int) -> None:
    layered = set()
    for seed in range(3):
        home.post("rides", rides(60 if seed == 0 else 6, seed=seed))
        home.run(worth_a_layer=worth_a_layer)
        generation = home.open(seed + 1)
        for name in ("in_sql", "in_python", "ever", "alone", "kept"):
            view = home.app.views[name]
            order = partial(_order, view)
            indexed = [(*key, start, view.present(cells)) for key, start, cells in generation.tiles(view)]
            assert indexed == sorted(indexed, key=order)
            assert len(indexed) == generation.rows(view)
            if len(generation.layers(view)) == 1:
                assert of_table(generation, view) == indexed
            else:
                layered.add(name)
                assert sorted(of_table(generation, view), key=order) == indexed
        generation.close()
    assert layered == (set() if worth_a_layer else {"in_sql", "in_python", "kept"}), "the others are a few tiles"


def _order(view: View, row: tuple[Any, ...]) -> Any:
    width = len(view.key_fields)
    return key_order(row[:width]), row[width]


def of_table(generation: Generation, view: View) -> list[tuple[Any, ...]]:
    """What the next run reads of the published table, in the order in which it stands there."""
    tables = ViewTables(tuple(map(str, generation.tables(view))), generation.oldest(view))
    rows = duckdb.execute(published(view, tables)).fetchall()
    width = len(view.key_fields) + 1
    return [(*row[:width], view.present(view.unpack(row[width:]))) for row in rows]
