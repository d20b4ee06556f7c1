from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anabranch import App, Cut, load_app
from anabranch.instant import instant_us
from anabranch.view import View
from batch.generation import Generation
from batch.run import Outcome, run_batch
from eventlog.decisions import Publication, publications
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.segment import Segment
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.leases import Leases
from eventlog.registry.runs import Runs
from eventlog.store.blobs import Blobs
from eventlog.store.folder_store import FolderStore
from tests.buckets import bucket, s3_server

APPLICATION = str(Path(__file__).parent / "application.py")
__all__ = ["bucket", "s3_server"]
LONG = 365 * 86_400_000_000


@dataclass
class Home:
    """A home with a log, and batch runs over it."""

    path: Path
    app_path: str = APPLICATION
    now: int = 1_700_000_000_000_000
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.path}/log.db")
        self.lake = Lake(self.path / "lake", lambda: self.log.id)
        self.log = SqlLog(self.database, self.lake, self.clock)
        self.leases = Leases(self.database, self.clock)
        self.runs = Runs(self.database, self.clock)

    def clock(self) -> int:
        self.now += 1_000
        return self.now

    @property
    def app(self) -> App:
        return load_app(self.app_path)

    @property
    def blobs(self) -> Blobs:
        """The blobs of its store, of which nothing is known to be sound yet."""
        return Blobs(FolderStore(self.path), self.path / "cache")

    def publication(self, number: int) -> Publication:
        return next(found for found in publications(self.log) if found.generation == number)

    def stored(self) -> list[int]:
        """The numbers of the generations whose manifests are in the store."""
        return sorted(int(path.name.split("-")[0]) for path in (self.path / "generations").glob("*.json"))

    def post(self, stream: str, events: list[dict[str, Any]]) -> None:
        definition = self.app.streams[stream]
        texts = [json.dumps(event).encode() for event in events]
        if not definition.plain:  # as the door does
            texts = [e.model_dump_json().encode() for e in definition.validate(b"[" + b",".join(texts) + b"]")]
        times = [instant_us(event[definition.time]) if definition.time else None for event in events]
        self.log.append(Append(stream, [None] * len(events), [None] * len(events), times, texts))

    def segments(self) -> Iterator[Segment]:
        """The whole log."""
        cut = Cut()
        while found := self.log.read(cut, 10**6):
            yield from found
            cut = Cut((found[-1].end,))

    def run(self, **options: Any) -> Outcome:
        parts = (self.log, self.leases, self.runs, self.lake)
        return run_batch(self.app_path, self.path, *parts, **{"retention_us": LONG, "clock": self.clock, **options})

    def open(self, number: int) -> Generation:
        return Generation.open(self.blobs, self.publication(number))

    def served(self, number: int, view: View | None = None) -> dict[str, Any]:
        """What a generation answers: by view, by key and tile."""
        generation = self.open(number)
        views = [view] if view is not None else [v for v in self.app.views.values() if generation.covers(v)]
        found = {
            view.name: {(key, tile): view.present(cells) for key, tile, cells in generation.tiles(view)}
            for view in views
        }
        generation.close()
        return found

    def age(self) -> None:
        """Make everything in the store so old that it may be collected."""
        for folder in ("blobs", "generations"):
            for path in (self.path / folder).iterdir():
                os.utime(path, (1, 1))

    def close(self) -> None:
        self.log.close()
        self.database.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.close()
