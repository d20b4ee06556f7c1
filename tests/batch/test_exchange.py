"""What workers get of a store, and hand to each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.exchange import Exchange, remove_earlier, remove_handed_on
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError
from eventlog.store.folder_store import FolderStore
from eventlog.store.opening import open_store


def file(folder: Path, content: bytes) -> Path:
    path = folder / content.decode()
    path.write_bytes(content)
    return path


def test_in_a_folder_what_is_handed_on_lies_there_and_is_read_in_its_place(tmp_path: Path) -> None:
    blobs = Blobs(FolderStore(tmp_path / "store"), tmp_path / "cache")
    place = Exchange.of(blobs, "one", tmp_path)
    handed = place.put(file(tmp_path, b"table"), "tables/a")
    assert place.files([handed], tmp_path / "into") == [str(tmp_path / "store" / handed.name)]
    assert (tmp_path / "store" / handed.name).samefile(tmp_path / "table"), "without being copied"
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_who_does_a_task_twice_hands_on_each_and_all_go_with_the_run(tmp_path: Path, kind: str, bucket: str) -> None:
    blobs = Blobs(open_store(bucket if kind == "bucket" else tmp_path / "store"), tmp_path / "cache")
    one, other = (Exchange.of(blobs, run, tmp_path) for run in ("one", "other"))
    handed = [place.put(file(tmp_path, content), "a") for place in (one, other) for content in (b"x", b"y")]
    paths = [
        path
        for place, of_run in ((one, handed[:2]), (other, handed[2:]))
        for path in place.files(of_run, tmp_path / "into")
    ]
    assert [Path(path).read_bytes() for path in paths] == [b"x", b"y", b"x", b"y"]
    remove_handed_on(blobs.store, "one")
    assert {found.name for found in blobs.store.list("runs")} == {blob.name for blob in handed[2:]}
    successor = Exchange.of(blobs, "8-later", tmp_path).put(file(tmp_path, b"z"), "a")
    remove_earlier(blobs.store, 7)
    assert [found.name for found in blobs.store.list("runs")] == [successor.name], "it took over from who has lease 7"
    remove_earlier(blobs.store, 9)
    assert list(blobs.store.list("runs")) == []


def test_from_a_bucket_files_are_checked_and_stay_though_the_cache_drops_them(tmp_path: Path, bucket: str) -> None:
    blobs = Blobs(open_store(bucket), tmp_path / "cache")
    place = Exchange.of(blobs, "one", tmp_path)
    handed = [place.put(file(tmp_path, content), "a") for content in (b"x", b"y")]
    paths = place.files(handed, tmp_path / "into")
    for dropped in (tmp_path / "cache").rglob("*"):
        if dropped.is_file():
            dropped.unlink()
    assert [Path(path).read_bytes() for path in paths] == [b"x", b"y"]
    with pytest.raises(BlobDamagedError):
        place.files([Blob("0" * 64, 1, handed[0].name)], tmp_path / "into")


def test_a_worker_that_does_not_see_the_folder_of_the_run_works_in_one_of_its_own(tmp_path: Path) -> None:
    for scratch in (tmp_path, tmp_path / "elsewhere"):
        with Exchange.of(Blobs(FolderStore(tmp_path), tmp_path), "one", scratch).workplace() as workplace:
            assert (workplace.parent == tmp_path) is scratch.exists()
            (workplace / "left").write_bytes(b"")
        assert not workplace.exists()
    assert not (tmp_path / "elsewhere").exists()
