"""What a kill or a full disk leaves of a table is no table, and does not keep the next run from making one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.lake import Lake
from eventlog.lake.commits import has_commits
from eventlog.store.folder_store import FolderStore
from tests.eventlog.lake.conftest import segment

ROOT = Path(__file__).parents[3]


def nothing(table: Path) -> None:
    """It was killed before anything was there."""


def folder(table: Path) -> None:
    (table / "_delta_log").mkdir(parents=True)


def torn_commit(table: Path) -> None:
    folder(table)
    (table / "_delta_log" / f"{0:020d}.json").touch()


def unfinished_commit(table: Path) -> None:
    folder(table)
    (table / "_delta_log" / f"{0:020d}.json#1").write_bytes(b'{"protocol"')
    (table / "_delta_log" / "_commit_a.json.tmp").write_bytes(b'{"protocol"')


def unfinished_file(table: Path) -> None:
    folder(table)
    (table / ".1-a.part").write_bytes(b"PAR1")


@pytest.mark.parametrize("left", [nothing, folder, torn_commit, unfinished_commit, unfinished_file])
def test_what_is_left_of_a_first_commit_does_not_keep_the_next_from_being_made(
    tmp_path: Path, left: Callable[[Path], None]
) -> None:
    lake = Lake(tmp_path)
    left(tmp_path / "rides")
    assert (lake.streams(), lake.archived("rides"), lake.files("rides", 0, 9)) == ([], 0, [])
    assert lake.archive("rides", [segment(0, 3)], 3) == 3
    assert (lake.streams(), lake.archived("rides"), lake.count("rides")) == (["rides"], 3, 3)


def test_what_a_process_left_of_a_file_goes_after_a_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.archive("rides", [segment(0, 3)], 3)
    old, young = tmp_path / "rides" / ".1-a.part", tmp_path / "rides" / ".2-b.part"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    lake.archive("rides", [segment(3, 3)], 6)
    assert (old.exists(), young.exists()) == (False, True)


def test_commits_that_are_all_empty_are_damage_and_no_beginning(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.archive("rides", [segment(0, 3)], 3)
    for path in (tmp_path / "rides" / "_delta_log").glob("*.json"):
        path.write_bytes(b"")
    assert has_commits(FolderStore(tmp_path), "rides")


ARCHIVE = """
import resource, sys
from pathlib import Path
from eventlog.errors import ArchiveError
from eventlog.lake import Lake
from eventlog.store.folder_store import FolderStore
from tests.eventlog.lake.conftest import segment
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    Lake(Path(sys.argv[1])).archive("rides", [segment(0, 1_000)], 1_000)
except ArchiveError as error:
    print(error)
"""
"""What a process does that may write files of so many bytes at most."""


def test_a_file_that_cannot_grow_is_told_and_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", ARCHIVE, tmp_path, str(limit)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for limit in (0, 100, 1_000, 4_000)
    ]
    assert [text.startswith("stream 'rides' could not be archived into") for text in told] == [True] * len(told)
    assert [text.count("\n") for text in told] == [1] * len(told)
    lake = Lake(tmp_path)
    assert list(tmp_path.glob("rides/*.part")) + list(tmp_path.glob("rides/.*.part")) == []
    assert lake.archive("rides", [segment(0, 1_000)], 1_000) == 1_000
    lake.check_whole(1_000)
