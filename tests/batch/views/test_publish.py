"""The two files that a generation has of a view say the same, and what the answers say."""

from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from anabranch.instant import instant_us
from anabranch.view import View, key_order
from batch.generation import Generation
from batch.views.published_table import published
from tests.batch.conftest import Home
from tests.batch.rides import rides


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


@pytest.mark.parametrize("name", ["in_sql", "in_python", "ever", "alone", "kept"])
def test_table_and_index_hold_the_same_tiles_in_the_same_order_from_run_to_run(home: Home, name: str) -> None:
    for seed in range(3):
        home.post("rides", rides(60, seed=seed))
        home.run()
        generation, view = home.open(seed + 1), home.app.views[name]
        indexed = [(*key, start, view.present(cells)) for key, start, cells in generation.tiles(view)]
        assert of_table(generation, view) == indexed
        assert len(indexed) == generation.rows(view)
        width = len(view.key_fields)
        assert indexed == sorted(indexed, key=lambda row: (key_order(row[:width]), row[width]))
        generation.close()


def of_table(generation: Generation, view: View) -> list[tuple[Any, ...]]:
    """What the next run reads of the published table, in the order in which it stands there."""
    rows = duckdb.execute(published(view, generation.path(view, "table"))).fetchall()
    width = len(view.key_fields) + 1
    return [(*row[:width], view.present(view.unpack(row[width:]))) for row in rows]
