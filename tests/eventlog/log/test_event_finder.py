from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from anabranch import Cut
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.event_finder import EventFinder
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database

NOW = 1_700_000_000_000_000


class Place:
    """A log with a lake behind it."""

    def __init__(self, folder: Path):
        self.database = Database(f"sqlite:///{folder / 'log.db'}")
        self.lake = Lake(folder / "lake")
        self.log = SqlLog(self.database, self.lake, clock=lambda: NOW)
        self.finder = EventFinder(self.database, self.log, self.lake)

    def append(self, stream: str, *ids: str | None) -> None:
        data = [orjson.dumps({"number": number}) for number in range(len(ids))]
        self.log.append(Append(stream, list(ids), [None] * len(ids), [NOW] * len(ids), data))

    def archive(self, trim: bool = True) -> None:
        end = self.log.end()
        for name in ("notes", "others"):
            self.lake.archive(name, self.log.read(self.log.begin(), 1_000), end.offsets[0])
        if trim:
            self.log.trim(end)

    def number(self, stream: str, id_: str) -> tuple[int, int] | None:
        """The offset of a record, and the number in it."""
        record = self.finder.find(stream, id_)
        if record is None:
            return None
        assert (record.stream, record.id) == (stream, id_)
        return record.offset, record.data["number"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.log.close()
    place.database.close()


def test_an_event_is_found_by_its_id_while_it_is_hot(place: Place) -> None:
    place.append("others", "b")
    place.append("notes", "a", None, "b")

    assert place.number("notes", "b") == (3, 2)
    assert place.number("notes", "a") == (1, 0)
    assert place.number("others", "b") == (0, 0)


def test_an_event_is_found_in_the_lake_when_it_is_no_longer_hot(place: Place) -> None:
    place.append("notes", "a", "b")
    place.append("others", "c")
    place.archive()
    place.append("notes", "d")
    place.archive(trim=False)
    place.append("notes", "e")

    assert place.log.begin() == Cut((3,))
    assert [place.number("notes", id_) for id_ in "abde"] == [(0, 0), (1, 1), (3, 0), (4, 0)]


def test_what_never_came_is_not_found(place: Place) -> None:
    assert place.number("notes", "a") is None
    place.append("notes", "a")
    place.archive()
    assert place.number("notes", "b") is None
    assert place.number("others", "a") is None
