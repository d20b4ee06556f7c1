"""The join of examples with labels that arrive later, from end to end: the table of cases of all layers, and runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch.duckdb_session import connect
from batch.models.model_rows import ModelRows
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home
from tests.batch.rides import START
from tests.equivalence.late_labels import CASES


@pytest.fixture
def learning(home: Home) -> Home:
    return learning_home(home)


def post_offer(home: Home, name: str | None, minutes: int, price: float) -> None:
    at = (START + timedelta(minutes=minutes)).isoformat()
    home.post("offers", [{"offer_id": name, "station": "A", "price": price, "at": at}])


def post_answer(home: Home, name: str | None, minutes: int, taken: bool | None) -> None:
    at = (START + timedelta(minutes=minutes)).isoformat()
    home.post("answers", [{"offer": name, "taken": taken, "at": at}])


def learnt(home: Home, number: int) -> dict[float, bool]:
    """The labels in the training table by the price of the offer."""
    generation = home.open(number)
    rows = ModelRows.kept(home.app.models["acceptance"], generation, home.blobs, lambda problem: pytest.fail(problem))
    into = home.path / "tables" / f"{number}.parquet"
    with connect(1, 200_000_000, home.path / "spill") as connection:
        table = rows.training_table(connection, home.blobs, into)
    found: list[dict[str, Any]] = pq.read_table(into).to_pylist()
    assert table.rows == len(found)
    assert [(row["_time"], row["_offset"]) for row in found] == sorted((row["_time"], row["_offset"]) for row in found)
    return {row["price"]: row["_label"] for row in found}


@pytest.mark.parametrize("slice_records", [5, 1_000])
def test_each_case_is_learnt_as_the_table_says(learning: Home, slice_records: int) -> None:
    for price, (name, case) in enumerate(CASES.items()):
        for kind, minutes, said in case.entries:
            if kind == "example":
                post_offer(learning, name, 1_000 + minutes, price)
            else:
                post_answer(learning, name if kind == "label" else "another", 1_000 + minutes, said)
    post_answer(learning, "another", 9_000, True)  # the clock closes everything
    learning.run(slice_records=slice_records)
    assert learnt(learning, 1) == {price: case.joined for price, case in enumerate(CASES.values())}


def test_an_example_that_is_still_open_is_no_row_yet_unless_its_label_came(learning: Home) -> None:
    post_offer(learning, "open", 0, 1.0)
    post_offer(learning, "answered", 0, 2.0)
    post_answer(learning, "answered", 120, True)
    learning.run()
    assert learnt(learning, 1) == {2.0: True}
    post_offer(learning, "later", 121, 3.0)
    learning.run()
    assert learnt(learning, 2) == {1.0: False, 2.0: True}


def test_a_label_of_the_next_night_counts_for_an_example_of_the_last(learning: Home) -> None:
    post_offer(learning, "a", 0, 1.0)
    post_answer(learning, "a", 10, True)
    learning.run()
    post_answer(learning, "a", 20, False)
    learning.run()
    assert (learnt(learning, 1), learnt(learning, 2)) == ({1.0: True}, {1.0: False})


def test_an_example_without_a_key_has_no_label(learning: Home) -> None:
    post_offer(learning, None, 0, 1.0)
    post_offer(learning, "a", 0, 2.0)
    post_answer(learning, None, 0, True)
    post_answer(learning, "b", 5_000, True)
    learning.run()
    assert learnt(learning, 1) == {2.0: False}
