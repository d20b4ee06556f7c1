"""The step that publishes: all of it or nothing, and nothing of a run that was overtaken."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import Cut
from batch.generation import Generation
from batch.manifest import name_of
from batch.publish_generation import publish_generation
from eventlog.decisions import publications
from eventlog.errors import LeaseLostError
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.leases import Lease, MemoryLeases
from eventlog.store.blobs import Blobs
from eventlog.store.folder_store import FolderStore


class World:
    """A log, and the store beside it."""

    def __init__(self, root: Path):
        self.now = 1_000_000
        self.leases = MemoryLeases(lambda: self.now)
        self.log = MemoryLog(clock=lambda: self.now, leases=self.leases)
        self.condemned: set[str] = set()
        self.blobs = Blobs(FolderStore(root), root / "cache")

    def lease(self, holder: str) -> Lease:
        lease = self.leases.acquire("batch", f"{holder}:1:0", 60)
        assert lease is not None
        return lease

    def publish(self, lease: Lease, run: str, number: int = 1) -> None:
        said = {"generation": number, "cut": "0:0", "run": run, "views": {}}
        publish_generation(said, {"m": number}, self.blobs, self.condemned.intersection, self.log, lease)

    def manifests(self) -> set[str]:
        return {found.name for found in self.blobs.store.list("generations")}

    @property
    def end(self) -> Cut:
        return self.log.end()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_was_made_is_a_generation_and_the_log_has_its_digest(world: World) -> None:
    world.publish(world.lease("me"), "r1")
    (found,) = publications(world.log, world.end)
    assert (found.generation, found.run, found.cut, found.promoted) == (1, "r1", Cut((0,)), {"m": 1})
    assert Generation.open(world.blobs, found).run == "r1"
    assert world.manifests() == {name_of(found)}


def test_a_run_that_was_overtaken_touches_nothing_of_its_successor(world: World) -> None:
    slow = world.lease("elsewhere")
    world.now += 61_000_000  # it slept, and its lease ran out
    world.publish(world.lease("successor"), "r2")
    end = world.end
    with pytest.raises(LeaseLostError):
        world.publish(slow, "r1")
    assert world.end == end
    (found,) = publications(world.log, world.end)
    assert Generation.open(world.blobs, found).run == found.run == "r2"
    assert len(world.manifests()) == 2, "that of the slow one is nobody's, and has a name of its own"
