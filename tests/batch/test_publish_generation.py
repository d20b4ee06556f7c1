"""The step that publishes: all of it or nothing, and nothing of a run that was overtaken."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import Cut
from batch.generation import Generation
from batch.generations import Generations
from batch.lease_keeper import LeaseKeeper
from batch.publish_generation import publish_generation
from eventlog.decisions import publications
from eventlog.errors import LeaseLostError
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.leases import Lease, MemoryLeases


class World:
    """A log, and the folder of generations beside it."""

    def __init__(self, root: Path):
        self.now = 1_000_000
        self.leases = MemoryLeases(lambda: self.now)
        self.log = MemoryLog(clock=lambda: self.now, leases=self.leases)
        self.generations = Generations(root / "generations")

    def lease(self, holder: str) -> Lease:
        lease = self.leases.acquire("batch", f"{holder}:1:0", 60)
        assert lease is not None
        return lease

    def made(self, run: str) -> Path:
        folder = self.generations.workplace(run) / "generation"
        folder.mkdir()
        (folder / "whose").write_text(run)
        return folder

    def publish(self, lease: Lease, run: str, number: int = 1) -> None:
        said = {"generation": number, "cut": "0:0", "run": run, "views": {}}
        keeper = LeaseKeeper(self.leases, lease, 60)  # not entered: nobody renews meanwhile
        publish_generation(self.made(run), said, {"m": number}, self.generations, self.log, keeper)

    def whose(self, number: int) -> str:
        return (self.generations.folder / str(number) / "whose").read_text()

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
    assert Generation.open(world.generations.folder, 1, found.manifest_sha256).run == "r1"
    assert world.whose(1) == "r1"


def test_what_an_earlier_run_renamed_and_did_not_publish_is_replaced(world: World) -> None:
    left = world.generations.folder / "1"
    left.mkdir(parents=True)
    (left / "half").write_text("")
    world.publish(world.lease("me"), "r2")
    assert world.whose(1) == "r2"
    assert not (left / "half").exists()


def test_a_run_that_was_overtaken_touches_nothing_of_its_successor(world: World) -> None:
    slow = world.lease("elsewhere")
    world.now += 61_000_000  # it slept, and its lease ran out
    world.publish(world.lease("successor"), "r2")
    end = world.end
    with pytest.raises(LeaseLostError):
        world.publish(slow, "r1")
    assert world.whose(1) == "r2"
    assert world.end == end
    assert [found.run for found in publications(world.log, world.end)] == ["r2"]
