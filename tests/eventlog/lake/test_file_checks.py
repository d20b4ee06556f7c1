"""Every file is checked once before it is read, and again when it was written to."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from eventlog.errors import LakeDamagedError
from eventlog.lake.data_file import DataFile
from eventlog.lake.file_checks import FileChecks


class CountedFile(DataFile):
    """A data file that notes how often it was read from end to end."""

    def check(self) -> None:
        READ.append(self.path.name)
        super().check()


READ: list[str] = []


@pytest.fixture(autouse=True)
def nothing_read() -> None:
    READ.clear()


def written(folder: Path, name: str, content: bytes) -> CountedFile:
    path = folder / name
    path.write_bytes(content)
    return CountedFile(0, 1, path, 1, len(content), hashlib.sha256(content).hexdigest())


def test_a_file_that_was_sound_is_not_read_again(tmp_path: Path) -> None:
    files = [written(tmp_path, f"{number}", bytes([number])) for number in range(6)]
    checks = FileChecks()
    checks.check(files[:4])
    checks.check(files)
    checks.check(files[:1])
    assert sorted(READ) == [f"{number}" for number in range(6)]


def test_another_process_checks_for_itself(tmp_path: Path) -> None:
    file = written(tmp_path, "a", b"a")
    for checks in (FileChecks(), FileChecks()):
        checks.check([file])
    assert READ == ["a", "a"]


@pytest.mark.parametrize("content", [b"other", b"o", b""])
def test_a_file_that_was_written_to_is_checked_again_and_named(tmp_path: Path, content: bytes) -> None:
    file, checks = written(tmp_path, "a", b"whole"), FileChecks()
    checks.check([file])
    file.path.write_bytes(content)
    for _ in range(2):  # what is damaged is never taken for sound
        with pytest.raises(LakeDamagedError, match=str(file.path)):
            checks.check([file])


def test_a_file_in_whose_place_another_was_put_is_checked_again(tmp_path: Path) -> None:
    file, checks = written(tmp_path, "a", b"whole"), FileChecks()
    checks.check([file])
    beside = tmp_path / "b"
    beside.write_bytes(b"wrong")
    found = file.path.stat()
    os.utime(beside, ns=(found.st_atime_ns, found.st_mtime_ns))
    beside.replace(file.path)
    with pytest.raises(LakeDamagedError):
        checks.check([file])


def test_of_several_the_damaged_one_is_named_and_the_others_stay_sound(tmp_path: Path) -> None:
    files, checks = [written(tmp_path, f"{number}", b"x") for number in range(4)], FileChecks()
    files[2].path.write_bytes(b"y")
    with pytest.raises(LakeDamagedError, match="2"):
        checks.check(files)
    files[2].path.write_bytes(b"x")
    checks.check(files)
    assert READ.count("0") == 1
