"""The lake in a bucket: what holds for a folder holds there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anabranch import Cut
from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.mending import mend_commits, mend_records
from eventlog.log.segment import Record, Segment
from eventlog.store.blobs import Blobs
from eventlog.store.errors import StoreUnavailableError
from eventlog.store.opening import open_store
from tests.buckets import S3Server
from tests.eventlog.lake.conftest import segment


class Machine:
    """A machine with a cache of its own."""

    def __init__(self, bucket: str, cache: Path):
        self.lake = Lake(Blobs(open_store(bucket), cache), lambda: "the log")
        self.store = self.lake.blobs.store

    def records(self) -> list[Record]:
        return [record for found in self.lake.read(Cut()) for record in found.records()]


@pytest.fixture
def filled(bucket: str, tmp_path: Path) -> Machine:
    """Three files of rides, one of walks, as `whole`."""
    machine = Machine(bucket, tmp_path / "first")
    for first in (0, 10, 20):
        machine.lake.archive("rides", [segment(first, 10)], first + 10)
    machine.lake.archive("walks", [segment(30, 10, "walks")], 40)
    return machine


@pytest.fixture
def other(bucket: str, tmp_path: Path) -> Machine:
    """A machine that has nothing yet."""
    return Machine(bucket, tmp_path / "other")


def test_a_second_machine_reads_what_the_first_has_archived(filled: Machine, other: Machine) -> None:
    lake = other.lake
    assert (lake.streams(), lake.archived("rides"), lake.count("walks")) == (["rides", "walks"], 30, 10)
    assert [record.offset for record in other.records()] == list(range(40))
    found = lake.find("rides", "i12")
    assert found is not None
    assert found.offset == 12
    lake.check_whole(40)
    lake.glance()
    assert list(lake.damages(40)) == []
    assert lake.log_ids() == {"rides": "the log", "walks": "the log"}
    assert [pq.read_table(path).num_rows for path in lake.files("rides", 5, 25)] == [10, 10, 10]
    assert lake.archive("rides", [segment(40, 5)], 45) == 5
    assert filled.lake.archived("rides") == 45


def remove(machine: Machine, name: str) -> None:
    machine.store.remove([name])


def alter(machine: Machine, name: str) -> None:
    content = bytearray(machine.store.read(name))
    content[len(content) // 2] ^= 1
    machine.store.remove([name])
    machine.store.create(name, bytes(content))


def hot(start: int, end: int) -> Iterator[Segment]:
    for found in (segment(0, 30), segment(30, 10, "walks")):
        if found.offset < end and found.end > start:
            yield found.tail(start).head(end)


@pytest.mark.parametrize("damage", [remove, alter])
def test_a_damaged_file_is_named_and_never_read_and_mended_from_the_hot_log(
    filled: Machine, other: Machine, damage: Callable[[Machine, str], None]
) -> None:
    before = filled.records()
    _, name, _ = (file.name for file in filled.lake.table("rides").data_files())
    damage(filled, name)
    with pytest.raises(LakeDamagedError, match="stream 'rides' from 0:10 to before 0:20") as found:
        other.records()
    assert str(found.value.path) == f"{other.store.url}/{name}"
    assert len(list(mend_records(other.lake, {}, hot, 0, 40))) == 1
    assert [(r.offset, r.id, r.data) for r in other.records()] == [(r.offset, r.id, r.data) for r in before]
    assert list(mend_records(other.lake, {}, hot, 0, 40)) == []


def test_lost_commits_are_made_anew_of_the_files(filled: Machine, other: Machine) -> None:
    before = filled.records()
    commits = sorted(found.name for found in filled.store.list("lake/rides/_delta_log"))
    filled.store.remove(commits[2:3])
    with pytest.raises(LakeDamagedError, match="cannot be read as the commits"):
        other.records()
    assert len(list(mend_commits(other.lake, {}))) == 1
    assert other.records() == before
    assert list(mend_commits(other.lake, {})) == []


def test_a_server_that_is_away_is_no_damage(filled: Machine, other: Machine, s3_server: S3Server) -> None:
    s3_server.stop()
    try:
        for ask in (other.records, lambda: other.lake.archived("rides"), lambda: other.lake.table("rides").archived()):
            with pytest.raises(StoreUnavailableError):
                ask()
    finally:
        s3_server.start()
    assert len(other.records()) == 40
