from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from anabranch import SYSTEM
from eventlog import Append
from eventlog.lake import Lake
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.store.folder_store import FolderStore

NOW = 1_700_000_000_000_000
OpenLog = Callable[[str], SqlLog]


class House:
    """A log, a store and the lake in it, as a home has them; its time stands still until it is set."""

    def __init__(self, folder: Path, database: Path | None = None):
        self.now = NOW
        self.folder = folder
        self.database = Database(f"sqlite:///{database or folder / 'log.db'}")
        self.store = FolderStore(folder)
        self.lake = Lake(folder / "lake")
        self.log = SqlLog(self.database, self.lake, lambda: self.now)

    def post(self, *numbers: int, stream: str = "clicks") -> None:
        ids: list[str | None] = [f"{stream}-{number}" for number in numbers]
        data = [orjson.dumps({"number": number}) for number in numbers]
        self.log.append(Append(stream, ids, list(ids), [None] * len(ids), data))

    def archive(self, upto: int | None = None, *streams: str) -> None:
        """Archive everything, or what lies before an offset, of these streams or of all."""
        end = self.log.end().offsets[0] if upto is None else upto
        segments = list(self.log.read(self.log.begin(), 1_000_000))
        for stream in streams or (*sorted({segment.stream for segment in segments} - {SYSTEM}), SYSTEM):
            self.lake.archive(stream, segments, end)

    def close(self) -> None:
        self.log.close()
        self.database.close()


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Opens houses, and closes them at the end."""
    opened: list[House] = []

    def open_(name: str = "home", database: str | None = None) -> House:
        (tmp_path / name).mkdir(exist_ok=True)
        opened.append(House(tmp_path / name, None if database is None else tmp_path / database))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()
