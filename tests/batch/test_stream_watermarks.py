"""The clocks of all streams at the cut of a run, read from what is new alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anabranch import Cut
from anabranch.instant import instant_us
from batch.archive import archive
from batch.duckdb_session import connect
from batch.generation import Generation
from batch.stream_watermarks import watermarks_at
from eventlog.decisions import Publication
from eventlog.store.blobs import Blobs
from eventlog.store.folder_store import FolderStore
from tests.batch.conftest import Home
from tests.batch.rides import rides


def watermarks(home: Home, end: int, base: Generation | None = None) -> dict[str, int]:
    with connect(1, 100_000_000, home.path / "spill") as connection:
        return watermarks_at(connection, home.app, home.lake, base, end)


def archived(home: Home) -> int:
    end = home.log.end()
    archive(home.log, home.lake, home.app, end, lambda records: None)
    return end.offsets[0]


def newest(some: list[dict[str, Any]]) -> int:
    return max(instant_us(ride["at"]) for ride in some)


def test_of_every_stream_the_newest_time_before_the_cut(home: Home) -> None:
    first, second = rides(20, seed=1, hours=5), rides(20, seed=2, hours=50)
    home.post("rides", first)
    home.post("words", [{"text": "a"}])
    appended = home.now
    home.post("rides", second)
    archived(home)
    found = watermarks(home, 21)
    assert found["rides"] == newest(first), "what comes behind the cut does not count"
    assert abs(found["words"] - appended) < 1_000_000, "without a time field it is when it was appended"
    assert watermarks(home, 41)["rides"] == newest(second)


def test_a_stream_without_events_has_none(home: Home) -> None:
    home.post("words", [{"text": "a"}])
    archived(home)
    assert watermarks(home, 1).keys() == {"words"}
    assert watermarks(home, 0) == {}


def base_at(path: Path, end: int, known: dict[str, int]) -> Generation:
    said = {"generation": 1, "cut": f"0:{end}", "run": "r", "views": {}, "watermarks": known}
    return Generation(Publication(1, Cut((end,)), "", "r"), said, Blobs(FolderStore(path), path))


def test_what_a_generation_covers_is_taken_from_it_and_a_stream_that_it_does_not_know_is_read_whole(
    home: Home,
) -> None:
    home.post("rides", rides(10, seed=1, hours=30))
    home.post("words", [{"text": "a"}])
    home.post("rides", late := rides(10, seed=2, hours=1))
    end = archived(home)
    found = watermarks(home, end, base_at(home.path, 11, {"rides": 5}))
    assert found["rides"] == newest(late), "the records before were not read again"
    assert found["words"] == watermarks(home, end)["words"]
    future = 2**60
    assert watermarks(home, end, base_at(home.path, 11, {"rides": future}))["rides"] == future
