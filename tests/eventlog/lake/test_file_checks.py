"""Every file is checked once before it is read, and again when it was written to."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from eventlog.errors import LakeDamagedError
from eventlog.lake.data_file import DataFile
from eventlog.lake.file_checks import FileChecks
from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import StoreUnavailableError
from eventlog.store.folder_store import FolderStore
from eventlog.store.memory_store import MemoryStore


class CountingBlobs(Blobs):
    """Notes what was asked for, which is read from end to end if it was not checked."""

    def fetch(self, blob: Blob) -> Path:
        READ.append(blob.name)
        return super().fetch(blob)


READ: list[str] = []


@pytest.fixture(autouse=True)
def nothing_read() -> None:
    READ.clear()


def checks_of(folder: Path) -> FileChecks:
    return FileChecks(CountingBlobs(FolderStore(folder), folder / "cache"))


def described(name: str, content: bytes) -> DataFile:
    return DataFile(0, 1, f"lake/rides/{name}", 1, len(content), hashlib.sha256(content).hexdigest())


def written(folder: Path, name: str, content: bytes) -> DataFile:
    FolderStore(folder).create(f"lake/rides/{name}", content)
    return described(name, content)


def test_a_file_that_was_sound_is_not_read_again(tmp_path: Path) -> None:
    files = [written(tmp_path, f"{number}", bytes([number])) for number in range(6)]
    checks = checks_of(tmp_path)
    checks.local(files[:4])
    assert checks.local(files) == [tmp_path / file.name for file in files]
    checks.local(files[:1])
    assert sorted(READ) == [f"lake/rides/{number}" for number in range(6)]


def test_another_process_checks_for_itself(tmp_path: Path) -> None:
    file = written(tmp_path, "a", b"a")
    for checks in (checks_of(tmp_path), checks_of(tmp_path)):
        checks.local([file])
    assert READ.count(file.name) == 2


@pytest.mark.parametrize("content", [b"other", b"o", b""])
def test_a_file_that_was_written_to_is_checked_again_and_named(tmp_path: Path, content: bytes) -> None:
    file, checks = written(tmp_path, "a", b"whole"), checks_of(tmp_path)
    checks.local([file])
    (tmp_path / file.name).write_bytes(content)
    for _ in range(2):  # what is damaged is never taken for sound
        with pytest.raises(LakeDamagedError, match=str(tmp_path / file.name)):
            checks.local([file])


def test_a_file_in_whose_place_another_was_put_is_checked_again(tmp_path: Path) -> None:
    file, checks = written(tmp_path, "a", b"whole"), checks_of(tmp_path)
    path = tmp_path / file.name
    checks.local([file])
    beside = tmp_path / "b"
    beside.write_bytes(b"wrong")
    found = path.stat()
    os.utime(beside, ns=(found.st_atime_ns, found.st_mtime_ns))
    beside.replace(path)
    with pytest.raises(LakeDamagedError):
        checks.local([file])


def test_of_several_the_damaged_one_is_named_and_the_others_stay_sound(tmp_path: Path) -> None:
    files, checks = [written(tmp_path, f"{number}", b"x") for number in range(4)], checks_of(tmp_path)
    path = tmp_path / files[2].name
    path.write_bytes(b"y")
    with pytest.raises(LakeDamagedError, match="2"):
        checks.local(files)
    path.write_bytes(b"x")
    checks.local(files)
    assert READ.count(files[0].name) == 1


def test_what_lies_in_no_folder_is_fetched_and_of_what_was_dropped_from_the_cache_another_copy(tmp_path: Path) -> None:
    store = MemoryStore()
    file = described("a", b"whole")
    store.create(file.name, b"whole")
    checks = FileChecks(Blobs(store, tmp_path))
    for _ in range(2):
        with checks.meanwhile():
            (path,) = checks.local([file])
            assert path.read_bytes() == b"whole"
        path.unlink()
    store.remove([file.name])
    with pytest.raises(LakeDamagedError, match="memory:///lake/rides/a is missing"):
        checks.local([file])


class Away(MemoryStore):
    """A store that does not answer."""

    def download(self, name: str, path: Path) -> None:
        raise StoreUnavailableError(self.url, name, TimeoutError("no answer"))


def test_a_store_that_does_not_answer_is_no_damage(tmp_path: Path) -> None:
    checks = FileChecks(Blobs(Away(), tmp_path))
    with pytest.raises(StoreUnavailableError):
        checks.local([described("a", b"whole")])
