"""What goes from the store and what stays, whoever sleeps meanwhile and wakes up later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch.collection import DAY_US, collect, condemned_lots
from batch.manifest import blobs_of, name_of, read
from batch.publish_generation import publish_generation
from eventlog.decisions import Publication
from eventlog.errors import LeaseLostError
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.condemned_blobs import CondemnedBlobs
from eventlog.registry.database import Database
from eventlog.registry.leases import Lease, Leases
from eventlog.store.blobs import Blobs
from eventlog.store.errors import BlobDamagedError
from eventlog.store.memory_store import MemoryStore

HOUR_US = 3_600_000_000
KEPT = 3


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('registry')}/log.db")
    yield database
    database.close()


@dataclass
class World:
    """A store, what was published from it, and runs that were overtaken in the middle of their collection."""

    database: Database
    folder: Path
    now: int = 10**15
    published: list[Publication] = field(default_factory=list)
    asleep: list[tuple[list[str], Iterator[list[str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now)
        self.blobs = Blobs(self.store, self.folder / "cache")
        self.condemned = CondemnedBlobs(self.database, lambda: self.now)
        self.lease = self.overtake()

    def overtake(self) -> Lease:
        lease = Leases(self.database, lambda: 0).acquire("batch", "elsewhere:1:1", 0)  # anybody may take it at once
        assert lease is not None
        self.lease = lease
        return lease

    def put(self, content: int) -> dict[str, Any]:
        """Put a file as a run does."""
        path = self.folder / "made"
        path.write_text(f"{id(self)} {content}")
        return self.blobs.put(path).entry()

    def publish(self, contents: list[int], wakes: bool) -> None:
        """Publish a generation that names some contents, and carries half of what the last one names."""
        carried = [blob.entry() for blob in blobs_of(self.manifest(self.published[-1]))] if self.published else []
        entries = [self.put(content) for content in contents]
        if wakes:
            self.wake()
        said = {"generation": len(self.published) + 1, "cut": "0:0", "run": f"r{self.now}", "views": {}}
        said["models"] = {"m": entries + carried[::2]}
        try:
            made = publish_generation(said, {}, self.blobs, self.condemned.among, MemoryLog(), None)
        except BlobDamagedError:  # it went before it was named: that run fails, and the next one puts it again
            return
        self.published.append(made)

    def manifest(self, publication: Publication) -> dict[str, Any]:
        return read(publication, self.store.read(name_of(publication)))

    def collect(self, *, falls_asleep: bool) -> None:
        kept = self.published[-KEPT:]
        if not falls_asleep:
            collect(self.store, kept, self.now, self.condemned, self.lease)
            assert self.names_older_than_a_day() <= self.needed()
            return
        lots = condemned_lots(self.store, kept, self.now - DAY_US, self.condemned, self.lease)
        self.asleep.append((next(lots, []), lots))
        self.overtake()

    def wake(self) -> None:
        """Those that slept between decision and removal go on."""
        for names, lots in self.asleep:
            self.store.remove(names)
            with pytest.raises((LeaseLostError, StopIteration)):
                next(lots)
        self.asleep.clear()

    def needed(self) -> set[str]:
        kept = self.published[-KEPT:]
        return {name_of(one) for one in kept} | {b.name for one in kept for b in blobs_of(self.manifest(one))}

    def names_older_than_a_day(self) -> set[str]:
        found = [*self.store.list("blobs"), *self.store.list("generations")]
        return {one.name for one in found if one.modified < self.now - DAY_US}

    def assert_whole(self) -> None:
        """Everything that a kept generation names is there, and is what was put."""
        for publication in self.published[-KEPT:]:
            for blob in blobs_of(self.manifest(publication)):
                assert hashlib.sha256(self.store.read(blob.name)).hexdigest() == blob.sha256


contents = st.lists(st.integers(0, 2), max_size=2)  # few, so that they come again
steps = st.one_of(
    st.tuples(st.just("publish"), contents, st.booleans()),
    st.tuples(st.just("put"), contents),
    st.tuples(st.just("wait"), st.sampled_from([1, 25])),
    st.tuples(st.just("collect"), st.booleans()),
    st.tuples(st.just("wake")),
)


@given(st.lists(steps, min_size=5, max_size=25))
@example([("collect", True), ("publish", [0], False), ("wake",)])
@settings(deadline=None)
def test_whatever_happens_what_is_named_stays_and_what_is_unnamed_and_old_goes(
    database: Database, history: list[Any]
) -> None:
    with TemporaryDirectory() as folder:
        world = World(database, Path(folder))
        for content in range(3):  # what killed runs left
            world.put(content)
        world.now += DAY_US + 1
        for step, *rest in history:
            world.now += 1_000
            match step:
                case "publish":
                    world.publish(*rest)
                case "put":
                    for content in rest[0]:
                        world.put(content)
                case "wait":
                    world.now += rest[0] * HOUR_US
                case "collect":
                    world.collect(falls_asleep=rest[0])
                case "wake":
                    world.wake()
            world.assert_whole()


def test_a_content_that_was_condemned_comes_back_under_another_name(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path)
    world.put(1)
    (name,) = (one.name for one in world.store.list("blobs"))
    world.now += DAY_US + 1
    world.collect(falls_asleep=True)
    world.publish([1], wakes=False)
    world.wake()
    (again,) = blobs_of(world.manifest(world.published[-1]))
    assert name == f"blobs/{again.sha256}"
    assert again.name.startswith(f"{name}.")
    world.assert_whole()


def test_nothing_goes_while_nobody_knows_what_a_kept_generation_names(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path)
    world.put(1)
    world.publish([2], wakes=False)
    world.store.remove([name_of(world.published[0])])
    world.now += 2 * DAY_US
    names = {one.name for one in world.store.list("blobs")}
    assert collect(world.store, world.published, world.now, world.condemned, world.lease) == 0
    assert {one.name for one in world.store.list("blobs")} == names
