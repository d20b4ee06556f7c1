"""Files that are put in place: whole, under one name, and visible to nobody before."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.durable_files import put_file, sync_file, sync_folder


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_takes_the_place_of_another_and_nothing_else_is_left(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "state.json"
    put_file(path, b"1", durable=durable)
    with path.open("rb") as old:
        put_file(path, b"22", durable=durable)
        assert (old.read(), path.read_bytes()) == (b"1", b"22")
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_put_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    put_file(path, b"1")
    (tmp_path / ".state.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        put_file(path, b"22")
    assert path.read_bytes() == b"1"


def test_names_of_a_folder_that_is_not_there_need_no_sync(tmp_path: Path) -> None:
    sync_folder(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        sync_file(tmp_path / "none")
