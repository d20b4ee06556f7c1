"""How many events there are, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.counting.event_counts import EventCounts
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database


class World:
    """A log, its lake, and who counts from the beginning."""

    def __init__(self, folder: Path):
        self.database = Database(f"sqlite:///{folder / 'log.db'}")
        self.lake = Lake(folder / "lake")
        self.log = SqlLog(self.database, self.lake)
        self.counts = EventCounts(self.database, self.lake)

    def append(self, stream: str, count: int) -> None:
        nothing: list[None] = [None] * count
        self.log.submit(Append(stream, [*nothing], [*nothing], [*nothing], [b"{}"] * count)).result()

    def archive(self) -> None:
        end = self.log.end()
        segments = self.log.read(self.log.begin())
        for name in ("rides", "walks"):
            self.lake.archive(name, segments, end.offsets[0])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.log.close()
    world.database.close()


def afresh(world: World) -> dict[str, int]:
    return EventCounts(world.database, world.lake).by_stream()


def test_a_stream_without_events_is_not_told(world: World) -> None:
    assert world.counts.by_stream() == {}


def test_events_are_counted_once_hot_archived_or_trimmed(world: World) -> None:
    world.append("rides", 3)
    world.append("walks", 2)
    assert world.counts.by_stream() == afresh(world) == {"rides": 3, "walks": 2}
    world.archive()
    assert world.counts.by_stream() == afresh(world) == {"rides": 3, "walks": 2}
    world.append("rides", 4)
    assert world.counts.by_stream() == afresh(world) == {"rides": 7, "walks": 2}


def test_what_only_the_lake_has_is_counted_with_what_is_hot(world: World) -> None:
    world.append("rides", 3)
    world.archive()
    world.log.trim(world.log.end())
    assert afresh(world) == {"rides": 3}
    world.append("walks", 1)
    assert afresh(world) == {"rides": 3, "walks": 1}


def test_whoever_is_told_may_change_what_he_was_told(world: World) -> None:
    world.append("rides", 3)
    world.counts.by_stream().clear()
    assert world.counts.by_stream() == {"rides": 3}
