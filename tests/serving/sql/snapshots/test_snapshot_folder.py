"""Files of snapshots stay as long as anybody may have them open, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.sql.snapshots.snapshot_folder import KEPT_SECONDS, SnapshotFolder


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    return SnapshotFolder(tmp_path, "ours", now=100.0)


def made(folder: SnapshotFolder, name: str) -> Path:
    path = folder.new(name)
    path.touch()
    return path


def names(folder: SnapshotFolder) -> set[str]:
    return {path.name.split("-")[0] for path in folder.path.iterdir()}


def test_the_newest_stays_and_what_it_shares_with_the_one_before(folder: SnapshotFolder) -> None:
    shared = made(folder, "shared")
    folder.hold("first", [shared, made(folder, "first")], published=False)
    folder.hold("second", [shared, made(folder, "second")], published=False)
    made(folder, "leftover")
    folder.tidy([])
    assert names(folder) == {"shared", "second"}


def test_what_is_read_stays_though_it_was_replaced(folder: SnapshotFolder) -> None:
    folder.hold("first", [made(folder, "first")], published=False)
    folder.hold("second", [made(folder, "second")], published=False)
    folder.now += 10 * KEPT_SECONDS
    folder.tidy(["first"])
    assert names(folder) == {"first", "second"}
    folder.tidy([])
    assert names(folder) == {"second"}


def test_what_was_published_stays_some_minutes_after_it_was_replaced(folder: SnapshotFolder) -> None:
    folder.hold("first", [made(folder, "first")], published=True)
    folder.now += 10 * KEPT_SECONDS
    folder.hold("second", [made(folder, "second")], published=True)
    folder.now += KEPT_SECONDS
    folder.hold("third", [made(folder, "third")], published=True)  # does not make the first one younger
    folder.tidy([])
    assert names(folder) == {"first", "second", "third"}
    folder.now += 1
    folder.tidy([])
    assert names(folder) == {"second", "third"}


def test_what_earlier_writers_left_goes_when_its_readers_had_their_time(folder: SnapshotFolder) -> None:
    (left := folder.root / "theirs").mkdir()
    (left / "file").touch()
    folder.now += KEPT_SECONDS
    folder.tidy([])
    assert left.exists()
    folder.now += 1
    folder.tidy([])
    assert [path.name for path in folder.root.iterdir()] == ["ours"]


def test_a_linked_file_outlives_its_own_path_and_is_linked_once(folder: SnapshotFolder, tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("it")
    linked = folder.link(file, "3-usage")
    assert folder.link(file, "3-usage") == linked
    file.unlink()
    assert linked.read_text() == "it"
    assert folder.link(file, "4-usage") == file, "a file that cannot be linked is read where it is"


def test_no_path_is_given_twice(folder: SnapshotFolder) -> None:
    assert len({folder.new("a"), folder.new("a"), folder.new("b"), folder.new("a", ".duckdb")}) == 4
