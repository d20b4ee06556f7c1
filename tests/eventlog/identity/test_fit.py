"""What fits, and what does not: a row of the table in `eventlog.identity.fit` each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from anabranch import Cut
from eventlog.decisions import BatchStarted
from eventlog.errors import LogReadOnlyError
from eventlog.identity.fit import Seen, joined, misfit_of
from eventlog.identity.store_name import store_name
from eventlog.lake import Lake
from eventlog.log.misfit import Misfit
from tests.eventlog.identity.conftest import NOW, House

Houses = Callable[..., House]


def misfit(house: House, seen: Iterable[Seen] = (), *, thorough: bool = False) -> Misfit | None:
    return misfit_of(house.log, house.store, house.lake, seen, thorough=thorough)


def kind(house: House, *, thorough: bool = False) -> str | None:
    found = misfit(house, thorough=thorough)
    return None if found is None else found.kind


def put_back(house: House, houses: Houses, copy: Path) -> House:
    """The same home with an older copy of its database."""
    house.close()
    for path in house.folder.glob("log.db*"):
        path.unlink()
    shutil.copy2(copy, house.folder / "log.db")
    return houses(house.folder.name)


def copied(house: House, into: Path) -> Path:
    with closing(house.database.engine.raw_connection()) as connection:
        connection.execute("VACUUM INTO ?", (str(into),))
    return into


def test_a_new_log_and_an_empty_store_fit(houses: Houses) -> None:
    house = houses()
    assert misfit(house) is None
    house.post(1, 2)
    assert misfit(house) is None
    assert joined(house.log, house.store, archiving=False) is None
    name = store_name(house.store)
    assert name is not None
    assert name.log == house.log.id
    assert misfit(house) is None


def test_an_empty_store_fits_a_log_that_was_never_archived(houses: Houses) -> None:
    first, second = houses("a", "log.db"), houses("b", "log.db")
    first.post(1, 2)
    for house in (first, second):
        assert misfit(house) is None
        assert joined(house.log, house.store, archiving=False) is None
    assert (misfit(first), misfit(second)) == (None, None)


def test_of_two_stores_on_one_log_the_one_that_is_archived_into_first_stays(houses: Houses) -> None:
    first, second = houses("a", "log.db"), houses("b", "log.db")
    first.post(1, 2)
    assert joined(first.log, first.store, archiving=True) is None
    first.archive()
    assert kind(second) == "other-store"
    assert joined(second.log, second.store, archiving=False) is None
    found = joined(second.log, second.store, archiving=True)
    assert found is not None
    assert found.kind == "other-store"
    assert kind(second) == "other-store"
    assert misfit(first) is None


def test_a_log_that_an_earlier_release_archived_elsewhere_does_not_take_an_empty_store(houses: Houses) -> None:
    house = houses()
    house.post(1, 2)
    published = {"kind": "batch_published", "run": "r", "generation": 1, "cut": "0:2", "manifest_sha256": 64 * "0"}
    house.log.mark(published)
    assert kind(house) == "other-store"


def test_a_lake_that_was_put_back_without_the_name_of_its_store_is_known_by_its_records(houses: Houses) -> None:
    house = houses()
    house.post(1, 2)
    joined(house.log, house.store, archiving=True)
    name = store_name(house.store)
    house.archive()
    (house.folder / "log").unlink()
    assert misfit(house) is None
    assert joined(house.log, house.store, archiving=True) is None
    assert store_name(house.store) == name


def test_a_table_of_another_logs_lake_is_found_by_a_thorough_look(houses: Houses) -> None:
    house = houses()
    house.post(1, 2)
    house.lake = Lake(house.folder / "lake", lambda: "another log")
    house.archive()
    assert misfit(house) is None, "the records are the same, as far as a glance can tell"
    found = misfit_of(house.log, house.store, house.lake, thorough=True)
    assert found is not None
    assert (found.kind, "of the log another log" in str(found)) == ("other-log", True)


def test_a_second_home_on_the_same_log_and_the_same_store_fits(houses: Houses, tmp_path: Path) -> None:
    first = houses("a", "log.db")
    first.post(1, 2)
    joined(first.log, first.store, archiving=True)
    first.archive()
    second = houses("b", "log.db")
    second.store, second.lake = first.store, first.lake
    assert misfit(second) is None


def test_a_store_of_another_log_is_refused(houses: Houses) -> None:
    first, second = houses("a"), houses("b")
    joined(first.log, first.store, archiving=False)
    second.post(1)
    second.store = first.store
    found = misfit(second)
    assert found is not None
    assert (found.kind, found.since) == ("other-log", 0)
    assert first.log.id in found.problem


def test_a_log_that_ends_before_the_lake_is_found_and_says_since_when(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    house.post(1, 2, 3)
    old = copied(house, tmp_path / "old.db")
    house.now = NOW + 60_000_000
    house.post(4, 5)
    house.archive()
    assert misfit(house) is None
    found = misfit(put_back(house, houses, old))
    assert found is not None
    assert (found.kind, found.since, found.since_us) == ("log-behind", 3, NOW)
    assert "the log ends at 0:3, but the lake of " in str(found)
    assert "anabranch restore" in str(found)


def test_what_a_checkpoint_has_seen_must_be_in_the_log(houses: Houses) -> None:
    house = houses()
    house.post(1, 2, 3)
    assert misfit(house, [Seen(3, "this")]) is None
    found = misfit(house, [Seen(3, "this"), Seen(4, "that")])
    assert found is not None
    assert (found.kind, found.since) == ("log-behind", 3)
    assert "that was made of everything before 0:4" in found.problem


def test_a_manifest_beyond_the_end_is_found_and_one_of_another_log_is_not_asked(houses: Houses) -> None:
    house = houses()
    house.post(1, 2, 3)
    told = {"run": "r", "cut": "0:4", "log": "another"}
    house.store.create("generations/00000001-x.json", json.dumps(told).encode())
    house.store.create("generations/1/broken.json", b"{")
    assert misfit(house) is None
    house.store.create("generations/00000002-x.json", json.dumps({**told, "log": house.log.id}).encode())
    assert kind(house) == "log-behind"


def test_a_log_that_went_on_with_an_older_copy_has_another_last_record(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    house.post(1, 2, 3)
    house.archive()
    old = copied(house, tmp_path / "old.db")
    house.post(4, 5)
    house.archive()
    again = put_back(house, houses, old)
    again.post(6, 7, 8)
    found = misfit(again)
    assert found is not None
    assert (found.kind, found.since) == ("log-differs", 3)


def test_what_an_earlier_release_archived_after_that_is_found_by_a_thorough_look(
    houses: Houses, tmp_path: Path
) -> None:
    house = houses()
    house.post(1, 2, 3)
    old = copied(house, tmp_path / "old.db")
    house.post(4, 5)
    house.archive()
    again = put_back(house, houses, old)
    again.post(6, 7, 8, 9)
    again.archive()
    assert kind(again, thorough=True) == "log-differs"
    assert kind(again) == "log-differs", "a store that does not say whose it is yet is looked at thoroughly"
    joined(again.log, again.store, archiving=True)
    assert kind(again) is None, "the last record alone is the log's"


def test_the_marker_of_the_run_that_archived_vouches_for_the_last_record(houses: Houses) -> None:
    house = houses()
    house.post(1, 2, 3)
    house.log.mark(BatchStarted("20260101T000000Z-1").event())
    house.archive(3)
    joined(house.log, house.store, archiving=True)
    (path,) = (house.folder / "lake" / "clicks").glob("*.parquet")
    path.write_bytes(b"")  # what is not read cannot make it err
    told = {"run": "20260101T000000Z-1", "cut": "0:3", "log": house.log.id}
    house.store.create("generations/00000001-x.json", json.dumps(told).encode())
    assert misfit(house) is None


def test_a_store_that_lacks_what_the_log_has_dropped_is_found(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    house.post(1, 2, 3)
    house.archive()
    joined(house.log, house.store, archiving=True)
    shutil.copytree(house.folder / "lake", tmp_path / "old")
    house.post(4, 5)
    house.archive()
    house.post(6)
    shutil.rmtree(house.folder / "lake")
    shutil.copytree(tmp_path / "old", house.folder / "lake")
    assert misfit(house) is None, "the next batch run archives what the log still has"
    house.log.trim(Cut((5,)))
    found = misfit(house)
    assert found is not None
    assert (found.kind, found.since) == ("store-behind", 3)
    assert "ends at 0:3, but the log has archived everything before 0:5" in found.problem


def test_a_log_that_shrinks_under_a_process_takes_nothing_more(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    house.post(1, 2, 3)
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE heads SET next = 2")
    with pytest.raises(LogReadOnlyError, match="has seen it end at 0:3"):
        house.post(4)
    assert house.log.misfit is not None
    with pytest.raises(LogReadOnlyError):
        house.log.trim(Cut((1,)))


def test_a_reader_finds_out_too_that_the_log_shrank(houses: Houses) -> None:
    writing, reading = houses(), houses()
    writing.post(1, 2, 3)
    assert reading.log.end() == Cut((3,))
    with writing.database.write() as connection:
        connection.exec_driver_sql("UPDATE heads SET next = 2")
    assert not reading.log.wait(Cut((2,)), 0)
    assert reading.log.misfit is not None
