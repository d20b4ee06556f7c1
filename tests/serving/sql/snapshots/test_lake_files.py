"""The files of the lake that a snapshot reads, and what each of them does not tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import SYSTEM, App, Stream
from batch.archive import archive
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from eventlog.store.blobs import Blobs, digest_of
from eventlog.store.opening import open_store
from serving.sql.snapshots.lake_files import LakeFiles


class Old(BaseModel):
    text: str


class New(BaseModel):
    text: str
    stars: int | None = None


def app_of(model: type[BaseModel]) -> App:
    app = App("notes")
    app.stream("notes", model)
    return app


def streams(model: type[BaseModel]) -> dict[str, Stream | None]:
    return {"notes": app_of(model).streams["notes"], SYSTEM: None}


class World:
    """A log, and the lake that its records are moved into."""

    def __init__(self, root: Path):
        self.lake = Lake(root / "lake")
        self.log = MemoryLog()

    def archive(self, model: type[BaseModel], *events: dict[str, Any]) -> None:
        """Append events and a marker, and archive all that there is by the definition of this moment."""
        nothing: list[Any] = [None] * len(events)
        self.log.append(Append("notes", nothing, nothing, nothing, [orjson.dumps(event) for event in events]))
        self.log.mark({"kind": "note"})
        archive(self.log, self.lake, app_of(model), self.log.end(), lambda records: None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_before_anything_is_archived_there_is_no_file(world: World) -> None:
    files = LakeFiles(world.lake, streams(New))
    assert (files.archived, files.files, files.untold) == (0, {}, {})


def test_a_new_look_finds_what_was_archived_meanwhile(world: World) -> None:
    files = LakeFiles(world.lake, streams(New))
    world.archive(New, {"text": "a", "stars": 1})
    assert files.archived == 0, "what is shown changes only when it is looked"
    files.look()
    assert files.archived == 2
    assert {name: len(paths) for name, paths in files.files.items()} == {"notes": 1, SYSTEM: 1}
    world.archive(New, {"text": "b", "stars": 2})
    files.look()
    assert (files.archived, len(files.files["notes"])) == (4, 2)


def test_each_file_is_known_by_the_fields_that_it_does_not_tell(world: World) -> None:
    world.archive(Old, {"text": "a"})
    world.archive(New, {"text": "b", "stars": 5})
    files = LakeFiles(world.lake, streams(New))
    old, new = files.files["notes"]
    assert files.untold == {old: frozenset({"stars"})}
    assert new not in files.untold


def test_a_stream_that_is_not_asked_for_is_left_alone(world: World) -> None:
    world.archive(New, {"text": "a"})
    files = LakeFiles(world.lake, {SYSTEM: None})
    assert files.files.keys() == {SYSTEM}
    assert (files.archived, files.untold) == (2, {})


class BucketWorld(World):
    """As `World`, with the lake in a bucket, and a cache of this machine that keeps next to nothing."""

    def __init__(self, root: Path, url: str):
        super().__init__(root)
        self.cache = root / "cache"
        self.lake = Lake(Blobs(open_store(url), self.cache, 1))

    def cached(self) -> set[str]:
        return {path.name for path in self.cache.iterdir() if len(path.name) == 64}

    def grow_old(self) -> None:
        """Have all that is in the cache unused for long, and something else come into it."""
        for note in (self.cache / "used").iterdir():
            os.utime(note, (0, 0))
        self.lake.blobs.fetch(self.lake.blobs.put(self.cache / "lock"))


@pytest.fixture
def bucket_world(tmp_path: Path, bucket: str) -> BucketWorld:
    return BucketWorld(tmp_path, bucket)


def test_the_files_of_a_bucket_are_here_and_stay_however_little_the_cache_keeps(bucket_world: BucketWorld) -> None:
    world = bucket_world
    world.archive(New, {"text": "a", "stars": 1})
    world.archive(New, {"text": "b", "stars": 2})
    files = LakeFiles(world.lake, streams(New))
    for _ in range(2):
        paths = [path for found in files.files.values() for path in found]
        assert len(paths) == 4
        world.grow_old()
        assert all(Path(path).is_file() for path in paths)
        files.look()


def test_of_a_bucket_only_what_a_command_reads_is_fetched_and_goes_with_it(bucket_world: BucketWorld) -> None:
    world = bucket_world
    world.archive(New, {"text": "a", "stars": 1})
    files = LakeFiles(world.lake, streams(New), {SYSTEM})
    assert files.files.keys() == {SYSTEM}
    assert world.cached() == {digest_of(Path(path))[0] for path in files.files[SYSTEM]}
    (pin,) = (world.cache / "pins").iterdir()
    assert pin.name.startswith("sql-")
