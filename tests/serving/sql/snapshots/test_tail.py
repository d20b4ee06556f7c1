"""The tail: what is not archived yet, as few files, however much there is of it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Stream
from eventlog.log.segment import Segment
from serving.sql.snapshots.tail import Tail


class Note(BaseModel):
    text: str


NOTES: Stream = App("notes").stream("notes", Note)


def segment(offset: int, texts: list[str]) -> Segment:
    events = [json.dumps({"text": text}).encode() for text in texts]
    nothing: list[str | None] = [None] * len(texts)
    return Segment(
        0, offset, "notes", 1, array("q", [1] * len(texts)), json.dumps([nothing, nothing]).encode(),
        b"[%b]" % b",\n".join(events),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for path in tmp_path.iterdir():
        path.unlink()


def tail_in(folder: Path) -> Tail:
    numbers = count()
    return Tail({"notes": NOTES}, lambda name: folder / f"{name}-{next(numbers)}.parquet")


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), archived=st.integers(0, 100))
def test_the_files_hold_every_record_once_and_in_order(
    sizes: list[int], archived: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tail, end = tail_in(tmp_path_factory.mktemp("tail")), 0
    for size in sizes:
        tail.add([segment(end, [str(n) for n in range(end, end + size)])])
        end += size
        files = tail.files()["notes"]
    assert len(files) <= max(1, end.bit_length())
    read = pa.concat_tables([pq.read_table(file) for file in files])
    assert read["_offset"].to_pylist() == list(range(end))
    assert read["text"].to_pylist() == [str(n) for n in range(end)]
    tail.drop(archived)
    left = [offset for file in tail.files().get("notes", []) for offset in pq.read_table(file)["_offset"].to_pylist()]
    assert left == list(range(end))[-len(left) :] if left else archived >= end
    assert set(range(archived, end)) <= set(left)


def test_a_tail_larger_than_a_row_group_is_joined_with_bounded_memory(folder: Path) -> None:
    chance, tail, end = Random(7), tail_in(folder), 0
    for _ in range(24):
        tail.add([segment(end, [chance.randbytes(40_000).hex() for _ in range(100)])])  # 8 MB
        end += 100
    (file,) = tail.files()["notes"]
    with pq.ParquetFile(file) as joined:
        assert joined.metadata.num_rows == end
        groups = [joined.metadata.row_group(index).total_byte_size for index in range(joined.num_row_groups)]
    assert max(groups) < 100 * 2**20
    assert len(groups) >= 3
