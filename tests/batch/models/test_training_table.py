"""The table that a model trains on: what has a label, oldest first; late labels joined as plain Python joins them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.feature_kinds import Kinds
from batch.duckdb_session import Connection, connect
from batch.models.row_file import RowWriter
from batch.models.training_table import TrainingTable, write_table
from tests.batch.models import model_application

MINUTE = 60_000_000
DURATION, ACCEPTANCE = (model_application.app.models[name] for name in ("duration", "acceptance"))
KINDS: Kinds = {"price": "number", "odd name's": "text", "never": "none"}
Example = tuple[int, int, str | None]
"""(offset, time in minutes, join)"""
Late = tuple[int, int, str | None, bool]
"""(offset, time in minutes, join, label)"""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with connect(1, 200_000_000, tmp_path_factory.mktemp("spill")) as connection:
        yield connection


def rows(path: Path, third: str, type_: str, entries: Sequence[tuple[int, int, Any]]) -> Path:
    """A file of rows, as a replay writes it."""
    writer = RowWriter(path, [("_offset", "BIGINT"), ("_time", "BIGINT"), (third, type_)])
    features = [{"price": float(offset), "odd name's": str(offset), "never": None} for offset, _, _ in entries]
    if entries:
        columns = list(zip(*[(o, m * MINUTE, value) for o, m, value in entries], strict=True))
        writer.add(columns, features, KINDS)
    writer.close()
    return path


def late(path: Path, entries: Sequence[Late]) -> Path:
    """A file of labels."""
    columns = [("_offset", "BIGINT"), ("_time", "BIGINT"), ("_join", "VARCHAR"), ("_label", "BOOLEAN")]
    writer = RowWriter(path, columns)
    if entries:
        writer.add(list(zip(*[(o, m * MINUTE, key, said) for o, m, key, said in entries], strict=True)), [], {})
    writer.close()
    return path


def read(table: TrainingTable) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(table.path).to_pylist()
    assert len(found) == table.rows
    return found


def test_rows_with_a_label_come_oldest_first_whatever_files_they_are_in(connection: Connection, tmp_path: Path) -> None:
    files = [
        rows(tmp_path / "0", "_label", "DOUBLE", [(0, 9, 1.0), (1, 3, None), (2, 3, 2.0)]),
        rows(tmp_path / "1", "_label", "DOUBLE", [(7, 3, 3.0), (8, 1, 4.0)]),
    ]
    table = write_table(connection, DURATION, files, [], KINDS, {}, tmp_path / "new folder" / "t.parquet")
    assert [row["_offset"] for row in read(table)] == [8, 2, 7, 0]
    assert [row["_label"] for row in read(table)] == [4.0, 2.0, 3.0, 1.0]
    assert [row["odd name's"] for row in read(table)] == ["8", "2", "7", "0"]
    assert table.kinds == {"price": "number", "odd name's": "text", "never": "number"}, "a kind that nobody saw"


KEYS = st.sampled_from([None, "a", "b"])
MINUTES = st.integers(0, 600)


@given(
    examples=st.lists(st.tuples(MINUTES, KEYS), min_size=1, max_size=8),
    labels=st.lists(st.tuples(MINUTES, KEYS, st.booleans()), max_size=8),
    order=st.randoms(use_true_random=False),
    clocks=st.fixed_dictionaries({}, optional={"offers": MINUTES, "answers": MINUTES, "rides": st.just(10**6)}),
)
def test_a_late_label_joins_as_the_rule_says(
    connection: Connection,
    tmp_path_factory: pytest.TempPathFactory,
    examples: list[tuple[int, str | None]],
    labels: list[tuple[int, str | None, bool]],
    order: Any,
    clocks: dict[str, int],
) -> None:
    offsets = list(range(len(examples) + len(labels)))
    order.shuffle(offsets)
    placed: list[Example] = [(offsets.pop(), *example) for example in examples]
    came: list[Late] = [(offsets.pop(), *label) for label in labels if label[1] is not None]
    folder = tmp_path_factory.mktemp("rows")
    cut = len(placed) // 2
    files = [rows(folder / str(n), "_join", "VARCHAR", part) for n, part in enumerate([placed[:cut], placed[cut:]])]
    newest = {stream: minutes * MINUTE for stream, minutes in clocks.items()}
    held = [late(folder / "labels", came)]
    table = write_table(connection, ACCEPTANCE, files, held, KINDS, newest, folder / "table")
    assert {row["_offset"]: row["_label"] for row in read(table)} == joined(placed, came, clocks)


def joined(examples: Sequence[Example], labels: Sequence[Late], clocks: dict[str, int]) -> dict[int, bool]:
    """The label of each example that has one: the newest in the log of those within two hours, or none in time."""
    clock = max(clocks.get("offers", 0), clocks.get("answers", 0))
    found = {}
    for offset, minutes, key in examples:
        if key is None:
            continue
        in_time = [(o, said) for o, at, other, said in labels if other == key and abs(at - minutes) <= 120]
        if in_time:
            found[offset] = max(in_time)[1]
        elif minutes + 120 < clock:
            found[offset] = False
    return found


@pytest.mark.parametrize(("count", "share", "first"), [(100, 0.2, 80), (3, 0.2, 2), (1, 0.2, 0), (2, 0.9, 0)])
def test_the_newest_share_is_held_out_and_never_nothing(count: int, share: float, first: int) -> None:
    table = TrainingTable("", {"a": "number", "b": "text"}, count)
    assert table.holdout(share) == first
    assert table.bytes_in_memory == count * 3 * 8
