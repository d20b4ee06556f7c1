"""Every offset has one record in the lake, or it is said which have none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from tests.eventlog.lake.conftest import segment


def lacking(lake: Lake, end: int) -> tuple[int, int]:
    with pytest.raises(LakeDamagedError, match="lacks") as found:
        lake.check_whole(end)
    return found.value.start, found.value.end


def test_a_lake_that_has_every_record_is_whole_and_one_file_may_reach_further(whole: Lake) -> None:
    whole.check_whole(40)
    whole.check_whole(25)
    Lake(whole.root / "none").check_whole(0)


def test_the_records_of_a_commit_that_was_lost_are_named(whole: Lake) -> None:
    max((whole.root / "rides" / "_delta_log").glob("*.json")).unlink()
    assert lacking(whole, 40) == (20, 30)
    assert [(d.start, d.end) for d in whole.damages(40)] == [(20, 30)]


def test_a_commit_from_the_middle_that_was_lost_is_named_with_its_folder(whole: Lake) -> None:
    folder = whole.root / "rides" / "_delta_log"
    sorted(folder.glob("*.json"))[2].unlink()
    with pytest.raises(LakeDamagedError, match="cannot be read as the commits of a Delta table") as found:
        whole.files("rides", 0, 40)
    assert found.value.path == folder
    assert [d.path for d in whole.damages(40)] == [folder]


def test_a_whole_stream_that_was_lost_is_missed(whole: Lake) -> None:
    shutil.rmtree(whole.root / "walks" / "_delta_log")
    assert whole.streams() == ["rides"]
    assert lacking(whole, 40) == (30, 40)


def test_records_that_are_there_twice_are_found(whole: Lake) -> None:
    whole.archive("runs", [segment(35, 5, "runs")], 40)
    with pytest.raises(LakeDamagedError, match="holds records twice"):
        whole.check_whole(40)


def test_several_gaps_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.archive("rides", [segment(3, 4), segment(9, 2)], 20)
    with pytest.raises(LakeDamagedError, match=r"lacks 14 records .* from 0:0 to before 0:3"):
        lake.check_whole(20)
