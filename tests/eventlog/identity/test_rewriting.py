"""What a restore makes of a log: the lake's records in their places, the log's own behind, nothing twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anabranch import SYSTEM, Cut
from eventlog import Record
from eventlog.decisions.event_retracted import EventRetracted, retract
from eventlog.errors import LogReadOnlyError, LogUnavailableError
from eventlog.identity.fit import joined, misfit_of
from eventlog.identity.plan import RestorePlan, named, plan_of
from eventlog.identity.rewriting import LOST, Restored, rewrite
from eventlog.log.reading import read_through
from eventlog.log.retraction import RETRACTED
from eventlog.registry.leases import Leases
from tests.eventlog.identity.conftest import NOW, House
from tests.eventlog.identity.test_fit import copied, put_back

Houses = Callable[..., House]
SECOND = 1_000_000


def records(house: House) -> list[Record]:
    found = [r for part in read_through(house.log, Cut()) for segment in part for r in segment.records()]
    assert [record.offset for record in found] == list(range(len(found))), "dense, from the beginning"
    return found


def numbers(house: House) -> list[int]:
    return [record.data["number"] for record in records(house) if record.stream == "clicks"]


def planned(house: House, keep_since: int = 0) -> RestorePlan:
    misfit = misfit_of(house.log, house.store, house.lake, thorough=True)
    assert misfit is not None
    return plan_of(house.log, house.store, house.lake, misfit, keep_since)


def restored(house: House, keep_since: int = 0) -> Restored:
    plan = planned(house, keep_since)
    lease = Leases(house.database).acquire("batch", "somebody", 60)
    assert lease is not None
    done = rewrite(house.log, house.lake, plan, named(plan, house.store, house.log), lease)
    assert misfit_of(house.log, house.store, house.lake, thorough=True) is None
    return done


@pytest.fixture
def behind(houses: Houses, tmp_path: Path) -> House:
    """A log of three records, put back from before there were five, which are archived, all but the last."""
    house = houses()
    joined(house.log, house.store, archiving=True)
    house.post(1, 2, 3)
    old = copied(house, tmp_path / "old.db")
    house.now += SECOND
    house.post(4, 5)
    house.log.mark({"kind": "batch_started", "run": "r"})
    house.archive()
    house.post(6)
    return put_back(house, houses, old)


def test_what_was_archived_comes_back_as_it_was(behind: House) -> None:
    lake = [record for found in behind.lake.read(Cut(), 100) for record in found.records()]
    assert [(start, stop) for start, stop in [(planned(behind).start, planned(behind).lake_end)]] == [(3, 6)]
    done = restored(behind)
    assert (done.end, done.appended) == (6, 0)
    assert records(behind) == lake
    assert behind.log.begin() == Cut((0,))


def test_ids_of_what_came_back_find_duplicates_again(behind: House) -> None:
    restored(behind)
    behind.post(3, 4, 5, 6)
    assert numbers(behind) == [1, 2, 3, 4, 5, 6]


def test_what_is_older_than_the_hot_log_keeps_is_read_from_the_lake(behind: House) -> None:
    restored(behind, keep_since=NOW + 10 * SECOND)
    assert behind.log.begin() == Cut((6,))
    assert numbers(behind) == [1, 2, 3, 4, 5]
    behind.post(5)
    assert numbers(behind) == [1, 2, 3, 4, 5, 5], "its id is deduplicated no longer than the hot log reaches back"


def test_what_a_log_took_after_it_was_put_back_is_appended_behind_once(behind: House) -> None:
    behind.now += 5 * SECOND
    behind.post(7, 5, 8, 9)  # 5 was sent again: the log did not know it any more
    behind.log.mark({"kind": "model_promoted", "model": "m", "version": 1})
    plan = planned(behind)
    assert (plan.start, plan.differing, dict(plan.moved)) == (3, [(3, 6)], {"clicks": 3})
    done = restored(behind)
    assert (done.appended, done.duplicates, done.dropped) == (2, 1, 0)
    assert numbers(behind) == [1, 2, 3, 4, 5, 9, 7, 8]
    behind.post(7, 8, 9, 4)
    assert numbers(behind) == [1, 2, 3, 4, 5, 9, 7, 8]


def test_what_was_sent_again_and_stands_behind_the_lakes_end_is_there_once(behind: House) -> None:
    behind.post(7, 8, 9, 5, 4, 10)
    done = restored(behind)
    assert (done.appended, done.duplicates) == (3, 2)
    assert sorted(numbers(behind)) == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert [record.data for record in records(behind)[6:8]] == [{"kind": LOST}] * 2


def test_decisions_that_stood_where_the_lake_has_others_are_left_out(behind: House) -> None:
    behind.log.mark({"kind": "model_promoted", "model": "m", "version": 1})
    behind.post(7)
    done = restored(behind)
    assert (done.appended, done.dropped) == (1, 1)
    assert numbers(behind) == [1, 2, 3, 4, 5, 7]


def test_events_that_were_taken_out_are_out_again_and_their_ids_are_free(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    joined(house.log, house.store, archiving=True)
    house.post(1, 2, 3)
    old = copied(house, tmp_path / "old.db")
    retract(house.log, 1, "wrong")
    house.post(2)
    house.archive()
    before = records(house)
    again = put_back(house, houses, old)
    assert len(again.log.retracted()) == 0
    restored(again)
    assert [record.stream for record in records(again)] == ["clicks", RETRACTED, "clicks", SYSTEM, "clicks"]
    assert records(again) == before
    again.post(2)
    assert numbers(again) == [1, 3, 2]


def test_what_was_taken_out_meanwhile_takes_out_nothing_of_the_lakes(behind: House) -> None:
    behind.post(7, 8, 9, 10)
    retract(behind.log, 4, "8 was wrong; the lake has 5 there")
    done = restored(behind)
    assert (done.appended, done.dropped) == (2, 1)
    assert numbers(behind) == [1, 2, 3, 4, 5, 10, 7, 9]
    assert len(behind.log.retracted()) == 0
    kinds = [record.data["kind"] for record in records(behind) if record.stream == SYSTEM]
    assert EventRetracted.KIND not in kinds


def test_where_neither_has_a_record_a_mark_says_so(houses: Houses, tmp_path: Path) -> None:
    house = houses()
    joined(house.log, house.store, archiving=True)
    house.post(1, 2, 3)
    old = copied(house, tmp_path / "old.db")
    house.post(4)
    house.post(1, stream="views")
    house.post(5)
    house.archive(3)
    house.archive(6, "clicks")  # killed before the other streams
    again = put_back(house, houses, old)
    assert planned(again).lost == [(4, 5)]
    restored(again)
    assert numbers(again) == [1, 2, 3, 4, 5]
    assert records(again)[4].data == {"kind": LOST}
    again.archive()
    again.lake.check_whole(6)


def test_a_log_that_was_lost_comes_back_with_its_id(houses: Houses) -> None:
    house = houses()
    joined(house.log, house.store, archiving=True)
    house.post(1, 2, 3)
    house.archive()
    name = house.log.id
    house.close()
    for path in house.folder.glob("log.db*"):
        path.unlink()
    again = houses()
    assert again.log.id != name
    restored(again)
    assert (again.log.id, numbers(again)) == (name, [1, 2, 3])
    assert houses().log.id == name


def test_a_log_that_holds_something_does_not_take_the_place_of_another(houses: Houses) -> None:
    first, second = houses("a"), houses("b")
    joined(first.log, first.store, archiving=True)
    second.post(1)
    second.store, second.lake = first.store, first.lake
    with pytest.raises(LogReadOnlyError, match="belongs to the log"):
        planned(second)


def test_a_new_store_takes_the_place_of_one_that_was_lost_as_long_as_all_is_hot(houses: Houses) -> None:
    house = houses()
    joined(house.log, house.store, archiving=True)
    house.post(1, 2, 3)
    house.archive()
    shutil.rmtree(house.folder / "lake")
    (house.folder / "log").unlink()
    restored(house)
    house.log.trim(Cut((3,)))
    shutil.rmtree(house.folder / "lake", ignore_errors=True)
    with pytest.raises(LogReadOnlyError, match="ends at 0:0, but the log has archived everything before 0:3"):
        planned(house)


def test_a_restore_that_fails_in_the_middle_changes_nothing(behind: House) -> None:
    behind.post(7, 8)
    before, plan = records(behind), planned(behind)
    leases = Leases(behind.database)
    lease = leases.acquire("batch", "somebody", 60)
    assert lease is not None

    def fail(records: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        rewrite(behind.log, behind.lake, plan, named(plan, behind.store, behind.log), lease, fail)
    assert records(behind) == before
    leases.release(lease)
    restored(behind)
    assert numbers(behind) == [1, 2, 3, 4, 5, 7, 8]


def test_a_log_that_has_changed_since_the_plan_is_not_rewritten(behind: House) -> None:
    plan = planned(behind)
    behind.post(7)
    lease = Leases(behind.database).acquire("batch", "somebody", 60)
    assert lease is not None
    with pytest.raises(LogUnavailableError, match="changed since"):
        rewrite(behind.log, behind.lake, plan, named(plan, behind.store, behind.log), lease)


def test_no_lease_of_before_is_valid_again_after_a_restore(behind: House) -> None:
    leases = Leases(behind.database)
    taken = [leases.acquire("batch", "somebody", 0) for _ in range(5)]
    restored(behind)
    after = leases.acquire("batch", "somebody", 60)
    assert after is not None
    assert taken[-1] is not None
    assert after.token > 1_000_000 + taken[-1].token


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_log_that_was_put_back_ends_with_everything_there_once(data: st.DataObject) -> None:
    posts = st.lists(st.tuples(st.sampled_from(["clicks", "views"]), st.integers(1, 12)), max_size=8)
    with tempfile.TemporaryDirectory() as folder:
        opened: list[House] = []

        def houses(name: str = "home") -> House:
            (Path(folder) / name).mkdir(exist_ok=True)
            opened.append(House(Path(folder) / name))
            return opened[-1]

        house = houses()
        joined(house.log, house.store, archiving=True)
        expected = set[tuple[str, int]]()

        def post(house: House) -> None:
            for stream, count in data.draw(posts):
                house.now += SECOND
                first = data.draw(st.integers(0, 40))
                house.post(*range(first, first + count), stream=stream)
                if data.draw(st.booleans()):
                    house.log.mark({"kind": "x"})

        post(house)
        if data.draw(st.booleans()):
            house.archive()
        old = copied(house, Path(folder) / "old.db")
        post(house)
        house.archive()
        archived = {record.offset: record for found in house.lake.read(Cut(), 10_000) for record in found.records()}
        again = put_back(house, lambda name: houses(name), old)
        again.now = house.now
        post(again)
        for record in [*archived.values(), *records(again)]:
            if record.stream != SYSTEM:
                expected.add((record.stream, record.data["number"]))
        if misfit_of(again.log, again.store, again.lake, thorough=True) is not None:
            restored(again)
        found = records(again)
        assert {record.offset: record for record in found if record.offset in archived} == archived
        events = [(record.stream, record.data["number"]) for record in found if record.stream != SYSTEM]
        assert sorted(events) == sorted(expected)
        again.archive()
        again.lake.check_whole(again.log.end().offsets[0])
        for one in opened:
            one.close()
