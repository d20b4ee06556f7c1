"""What the lake lacks is taken from its own files, and from the hot log as far as that reaches back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anabranch import Cut
from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.mending import mend_commits, mend_records
from eventlog.log.segment import Record, Segment
from tests.eventlog.lake.conftest import segment
from tests.eventlog.lake.test_data_file import flip


def hot(start: int, end: int) -> Iterator[Segment]:
    """The log of which `whole` holds the first 40 records."""
    for found in (segment(0, 15), segment(15, 15), segment(30, 10, "walks")):
        if found.offset < end and found.end > start:
            yield found.tail(start).head(end)


def records(lake: Lake) -> list[Record]:
    return [record for found in Lake(lake.root).read(Cut()) for record in found.records()]


def mended(lake: Lake, begin: int = 0) -> list[str]:
    told = [*mend_commits(lake, {}), *mend_records(lake, {}, hot, begin, 40)]
    Lake(lake.root).check_whole(40)
    assert list(Lake(lake.root).damages(40)) == []
    assert [*mend_commits(lake, {}), *mend_records(lake, {}, hot, begin, 40)] == [], "once is enough"
    return told


def newest_commit(rides: Path) -> None:
    max((rides / "_delta_log").glob("*.json")).unlink()


def middle_commit(rides: Path) -> None:
    sorted((rides / "_delta_log").glob("*.json"))[2].unlink()


def torn_commit(rides: Path) -> None:
    max((rides / "_delta_log").glob("*.json")).write_bytes(b"{")


def all_commits(rides: Path) -> None:
    shutil.rmtree(rides / "_delta_log")


def empty_commits(rides: Path) -> None:
    for path in (rides / "_delta_log").iterdir():
        path.write_bytes(b"")


@pytest.mark.parametrize("lost", [newest_commit, middle_commit, torn_commit, all_commits, empty_commits])
def test_commits_are_made_anew_of_the_files_without_the_hot_log(whole: Lake, lost: Callable[[Path], None]) -> None:
    before = records(whole)
    lost(whole.root / "rides")
    (told,) = mended(whole, begin=40)
    assert "the commits of stream 'rides' were made anew, of the 3 data files" in told
    assert records(whole) == before
    assert whole.archive("rides", [segment(40, 5)], 45) == 5


def test_a_data_file_is_written_anew_from_the_hot_log(whole: Lake) -> None:
    before = records(whole)
    first, second, _ = map(Path, whole.files("rides", 0, 40))
    flip(first)
    second.unlink()
    assert [told.endswith("was written anew from the hot log") for told in mended(whole)] == [True, True]
    assert [(r.offset, r.data, r.id) for r in records(whole)] == [(r.offset, r.data, r.id) for r in before]


def test_what_was_lost_with_its_commit_is_archived_again(whole: Lake) -> None:
    before = records(whole)
    shutil.rmtree(whole.root / "walks")
    (last,) = whole.files("rides", 20, 30)
    Path(last).unlink()
    newest_commit(whole.root / "rides")
    assert mended(whole) == ["the records from 0:20 to before 0:40 were archived again from the hot log"]
    assert records(whole) == before


def test_what_the_hot_log_has_no_longer_stays_damaged_and_is_named(whole: Lake) -> None:
    (damaged,) = whole.files("rides", 10, 20)
    flip(Path(damaged))
    with pytest.raises(LakeDamagedError, match="has the sha256") as found:
        mended(whole, begin=15)
    assert str(found.value.path) == damaged


def test_files_of_runs_that_were_killed_are_not_taken_twice(whole: Lake) -> None:
    before = records(whole)
    newest_commit(whole.root / "rides")
    assert whole.archive("rides", [segment(20, 4)], 24) == 4  # as of a run that was killed before its commit
    newest_commit(whole.root / "rides")
    mended(whole, begin=40)
    assert records(whole) == before


def test_of_overlapping_files_those_are_taken_that_hold_most_records_and_few_of_them(whole: Lake) -> None:
    """A file that others were merged into lies beside them for a day, and so may one of a run that was killed."""
    before = records(whole)
    whole.archive("rides", [segment(40, 4)], 44)
    for first, count in ((0, 20), (5, 20), (10, 20)):
        beside = Lake(whole.root.parent / "beside" / str(first))
        beside.archive("rides", [segment(first, count)], first + count)
        (path,) = map(Path, beside.files("rides", 0, 99))
        shutil.copy(path, whole.root / "rides" / path.name)
    all_commits(whole.root / "rides")
    assert len(list(mend_commits(whole, {}))) == 1
    assert [(file.first, file.end) for file in whole.table("rides").data_files()] in (
        [(0, 20), (20, 30), (40, 44)],
        [(0, 10), (10, 30), (40, 44)],
    )
    assert [r for r in records(whole) if r.offset < 40] == before
