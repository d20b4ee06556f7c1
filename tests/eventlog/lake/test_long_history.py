"""A table with so many commits that Delta Lake has made a checkpoint of them: what is damaged there is no less seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anabranch import Cut
from eventlog.errors import LakeDamagedError
from eventlog.lake import Lake
from eventlog.lake.mending import mend_commits
from eventlog.log.segment import Record
from tests.eventlog.lake.conftest import segment
from tests.eventlog.lake.test_data_file import cut, empty

END = 130


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    for first in range(0, END, 10):
        lake.archive("rides", [segment(first, 10)], first + 10)
    assert len(list((lake.root / "rides" / "_delta_log").glob("*.checkpoint.parquet"))) == 1
    return lake


def records(lake: Lake) -> list[Record]:
    found: list[Record] = []
    while len(found) < END:
        found += [r for s in lake.read(Cut((len(found),))) for r in s.records()]
    return found


def told(lake: Lake, whole: list[Record]) -> str | None:
    """What is said of damage; None: all is there, and right."""
    try:
        lake.check_whole(END)
        assert lake.archived("rides") == END
        assert records(lake) == whole
    except LakeDamagedError as error:
        return str(error)
    return None


def flips(path: Path) -> list[Callable[[], None]]:
    """A bit in each of many places, one after the other."""
    content = path.read_bytes()

    def flip(place: int) -> None:
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)

    return [lambda place=place: flip(place) for place in range(0, len(content), max(len(content) // 25, 1))]  # type: ignore[misc]  # the default binds the loop


def test_a_bit_anywhere_in_a_checkpoint_or_a_commit_is_harmless_or_told(lake: Lake) -> None:
    whole, folder = records(lake), lake.root / "rides" / "_delta_log"
    for path in (*folder.glob("*.checkpoint.parquet"), folder / "_last_checkpoint", max(folder.glob("*.json"))):
        sound = path.read_bytes()
        for flip in flips(path):
            flip()
            told(Lake(lake.root), whole)
        path.write_bytes(sound)
    assert told(Lake(lake.root), whole) is None


@pytest.mark.parametrize("damage", [cut, empty, Path.unlink])
@pytest.mark.parametrize("file", ["*.checkpoint.parquet", "_last_checkpoint", "*12.json", "*03.json"])
def test_a_file_of_the_history_that_is_lost_is_harmless_or_told_and_mended(
    lake: Lake, file: str, damage: Callable[[Path], None]
) -> None:
    whole = records(lake)
    (path,) = (lake.root / "rides" / "_delta_log").glob(file)
    damage(path)
    if told(Lake(lake.root), whole) is not None:
        assert len(list(mend_commits(lake, {}))) == 1
    assert told(Lake(lake.root), whole) is None
    assert lake.archive("rides", [segment(END, 5)], END + 5) == 5
