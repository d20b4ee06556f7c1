"""Who folds the log and what each needs, on both kinds of database."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch import Cut
from eventlog.decisions import Publication
from eventlog.errors import LeaseLostError
from eventlog.registry.database import Database
from eventlog.registry.lease_holder import this_process
from eventlog.registry.leases import Leases
from eventlog.registry.replicas import SILENT_US, Need, OwnReplica, Replica, Replicas
from tests.contracts.leases import Clock

DAY = 86_400.0


def published(generation: int) -> Publication:
    return Publication(generation, Cut((0,)), "", f"r{generation}")


def ended_process() -> str:
    """The name of a process that was on this machine."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return f"{this_process().split(':')[0]}:{child.pid}:0"


def homes(folder: Path, *names: str) -> list[Path]:
    found = [folder / name for name in names]
    for home in found:
        home.mkdir()
    return found


def test_a_home_tells_what_it_needs_under_one_name_for_good(database: Database, tmp_path: Path) -> None:
    clock = Clock()
    replicas = Replicas(database, clock)
    for need in (Need(5, None), Need(9, 1)):
        clock.advance(1)
        own = OwnReplica(replicas, tmp_path)
        own.tell(need)
        own.tell(need)
        assert replicas.all() == [Replica(str(own.id), this_process(), need, clock())]


def test_another_process_goes_on_under_the_name_of_one_that_ended(database: Database, tmp_path: Path) -> None:
    replicas = Replicas(database)
    OwnReplica(replicas, tmp_path, ended_process()).tell(Need(5, 1))
    OwnReplica(replicas, tmp_path, "another-machine/7:12:345").tell(Need(6, 1))
    OwnReplica(replicas, tmp_path).tell(Need(7, 2))
    assert [replica.need for replica in replicas.all()] == [Need(7, 2)]


def test_what_replicas_need_is_what_they_have_adopted_and_what_they_have_yet_to_fold(
    database: Database, tmp_path: Path
) -> None:
    replicas = Replicas(database)
    placed = [(10 * number, published(number)) for number in (5, 4, 3, 2, 1)]
    assert replicas.needed(placed) == []
    one, other = homes(tmp_path, "one", "other")
    OwnReplica(replicas, one).tell(Need(41, 2))  # it met 3 and 4, and could not serve them
    assert [publication.generation for publication in replicas.needed(placed)] == [5, 2]
    OwnReplica(replicas, other).tell(Need(35, None))
    assert [publication.generation for publication in replicas.needed(placed)] == [5, 4, 2]
    OwnReplica(replicas, other).tell(Need(60, 5))
    assert [publication.generation for publication in replicas.needed(placed)] == [5, 2]


def test_of_several_checkpoints_the_oldest_says_what_is_needed() -> None:
    assert Need.of_all([]) is None
    assert Need.of_all([Need(9, 4), Need(5, 3)]) == Need(5, 3)
    assert Need.of_all([Need(9, 4), Need(5, None)]) == Need(5, 4)
    assert Need.of_all([Need(5, None)]) == Need(5, None)


def test_a_copied_home_has_another_name_and_what_both_need_is_kept(database: Database, tmp_path: Path) -> None:
    replicas = Replicas(database)
    home, copy = homes(tmp_path, "home", "copy")
    OwnReplica(replicas, home, ended_process()).tell(Need(5, 1))
    shutil.copy2(home / "replica", copy / "replica")
    OwnReplica(replicas, copy).tell(Need(9, 2))
    assert sorted(replica.need.cut for replica in replicas.all()) == [5, 9]
    OwnReplica(replicas, home).tell(Need(7, 1))
    assert sorted(replica.need.cut for replica in replicas.all()) == [7, 9]


@pytest.mark.parametrize("begins_first", [True, False])
def test_two_homes_on_copies_of_one_disk_are_told_apart_by_who_folds_there(
    database: Database, tmp_path: Path, begins_first: bool
) -> None:
    replicas = Replicas(database)
    (home,) = homes(tmp_path, "home")
    one, other = OwnReplica(replicas, home, "one/1:1:1"), OwnReplica(replicas, home, "other/1:1:1")
    one.tell(Need(5, 1))
    other.tell(Need(8, 2))
    (one if begins_first else other).tell(Need(9, 2))
    (other if begins_first else one).tell(Need(10, 2))
    assert sorted(replica.need.cut for replica in replicas.all()) == [9, 10]
    assert one.id != other.id


def test_a_home_whose_service_lives_shares_its_name_with_nobody(database: Database, tmp_path: Path) -> None:
    replicas = Replicas(database)
    OwnReplica(replicas, tmp_path).tell(Need(5, 1))
    OwnReplica(replicas, tmp_path, "another/1:1:1").tell(Need(8, 2))
    assert sorted(replica.need.cut for replica in replicas.all()) == [5, 8]


def test_a_home_of_an_earlier_release_is_told_once_and_then_by_its_service_alone(
    database: Database, tmp_path: Path
) -> None:
    replicas = Replicas(database)
    OwnReplica(replicas, tmp_path).tell_first(Need(5, 1))
    OwnReplica(replicas, tmp_path).tell_first(Need(9, 9))
    assert [(replica.holder, replica.need) for replica in replicas.all()] == [("", Need(5, 1))]
    OwnReplica(replicas, tmp_path).tell(Need(6, 1))
    assert [(replica.holder, replica.need) for replica in replicas.all()] == [(this_process(), Need(6, 1))]


def test_who_is_silent_for_a_month_is_forgotten_unless_it_lives_here(database: Database, tmp_path: Path) -> None:
    clock = Clock()
    replicas, leases = Replicas(database, clock), Leases(database, clock)
    gone, elsewhere, here = homes(tmp_path, "gone", "elsewhere", "here")
    OwnReplica(replicas, gone, ended_process()).tell(Need(1, 1))
    OwnReplica(replicas, here).tell(Need(2, 1))
    clock.advance(DAY)
    OwnReplica(replicas, elsewhere, "another/1:1:1").tell(Need(3, 1))
    lease = leases.acquire("batch", "run", 60.0)
    assert lease is not None
    assert replicas.drop_silent(lease) == []
    clock.advance(SILENT_US / 1e6 - DAY / 2)
    assert [replica.need.cut for replica in replicas.drop_silent(lease)] == [1]
    assert sorted(replica.need.cut for replica in replicas.all()) == [2, 3]
    clock.advance(DAY)
    assert [replica.need.cut for replica in replicas.drop_silent(lease)] == [3]
    OwnReplica(replicas, gone).tell(Need(1, 1))  # it comes back
    assert sorted(replica.need.cut for replica in replicas.all()) == [1, 2]


def test_nobody_is_forgotten_by_a_run_that_was_overtaken(database: Database, tmp_path: Path) -> None:
    clock = Clock()
    replicas, leases = Replicas(database, clock), Leases(database, clock)
    OwnReplica(replicas, tmp_path, "another/1:1:1").tell(Need(1, 1))
    overtaken = leases.acquire("batch", "another/2:2:2", 60.0)
    clock.advance(SILENT_US)
    assert overtaken is not None
    assert leases.acquire("batch", "run", 60.0) is not None
    with pytest.raises(LeaseLostError):
        replicas.drop_silent(overtaken)
    assert len(replicas.all()) == 1


@pytest.mark.parametrize("content", [b"", b"7", b"{}", b'{"id": "x", "inode": 0}', b"\xff"])
def test_a_file_that_is_not_what_was_written_is_made_anew(database: Database, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "replica").write_bytes(content)
    own = OwnReplica(Replicas(database), tmp_path)
    assert own.id is None
    own.tell(Need(5, 1))
    assert OwnReplica(Replicas(database), tmp_path).id == own.id is not None
