"""The labels of a slice that arrive in a stream of their own."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anabranch.instant import instant_us
from batch.archive import archive
from batch.duckdb_session import connect
from batch.models import label_file
from batch.models.label_file import label_type
from batch.plan import Slice
from tests.batch.conftest import Home
from tests.batch.models import model_application
from tests.batch.models.learning import learning_home
from tests.batch.rides import START

MODELS = model_application.app.models
ANSWERS: list[dict[str, Any]] = [
    {"offer": "a", "taken": True},
    {"offer": "b", "taken": None},
    {"offer": None, "taken": True},
    {"offer": "a", "taken": False},
    {"offer": "7", "taken": True},
]


@pytest.fixture
def learning(home: Home) -> Home:
    """A log in which answers stand between offers, the last of them the oldest."""
    learning_home(home)
    for number, answer in enumerate(ANSWERS):
        at = START + timedelta(hours=-1 if number == len(ANSWERS) - 1 else number)
        home.post("answers", [{**answer, "at": at.isoformat()}])
        home.post("offers", [{"offer_id": "a", "station": "A", "price": 1.0, "at": START.isoformat()}])
    archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    return home


def written(home: Home, part: Slice, path: Path) -> tuple[list[tuple[int, str, bool]], int | None]:
    model = home.app.models["acceptance"]
    label = model.later_label
    assert label is not None
    files = home.lake.files("answers", part.start, part.end)
    with connect(1, 100_000_000, home.path / "spill") as connection:
        rows, newest = label_file.write(connection, model, label, files, part, path)
    found = pq.read_table(path).to_pylist()
    assert len(found) == rows
    return [(row["_offset"], row["_join"], row["_label"]) for row in found], newest


def test_what_joins_and_says_something_is_kept_and_all_that_came_moves_the_clock(learning: Home) -> None:
    found, newest = written(learning, Slice(0, 10), learning.path / "labels")
    assert found == [(0, "a", True), (6, "a", False), (8, "7", True)]
    assert newest == instant_us(START + timedelta(hours=3)), "also what says nothing is an event of the stream"


def test_slices_together_hold_what_one_would(learning: Home) -> None:
    parts = [Slice(start, end) for start, end in pairwise([0, 1, 5, 7, 10])]
    found = [written(learning, part, learning.path / f"{part.start}") for part in parts]
    whole, newest = written(learning, Slice(0, 10), learning.path / "whole")
    assert [row for rows, _ in found for row in rows] == whole
    assert max(time for _, time in found if time is not None) == newest


def test_a_slice_without_labels_has_a_file_without_rows(learning: Home) -> None:
    assert written(learning, Slice(1, 2), learning.path / "none") == ([], None)


def test_labels_are_stored_in_the_type_that_their_task_learns_from() -> None:
    found = {name: label_type(MODELS[name]) for name in ("duration", "acceptance", "where")}
    assert found == {"duration": "DOUBLE", "acceptance": "BOOLEAN", "where": "VARCHAR"}
