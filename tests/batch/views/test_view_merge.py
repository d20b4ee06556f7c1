"""What a manifest says of a view after the merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from anabranch import Cut, Events
from anabranch.instant import instant_us
from anabranch.view import Tiles
from batch.duckdb_session import Connection, connect
from batch.generation import Generation
from batch.manifest import blobs_of, name_of, written
from batch.plan import Slice
from batch.views import tile_table
from batch.views.slice_fold import SliceDelta
from batch.views.view_merge import merge_view
from eventlog.decisions import Publication
from eventlog.store.blobs import Blobs
from eventlog.store.folder_store import FolderStore
from tests.batch.application import app
from tests.batch.rides import rides

VIEW = app.views["kept"]
DAY = 86_400_000_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connect(1, 200_000_000, tmp_path / "spill") as connection:
        yield connection


def delta(path: Path, some: Sequence[dict[str, Any]], number: int, failures: int) -> SliceDelta:
    tiles: Tiles = {}
    times = [instant_us(ride["at"]) for ride in some]
    VIEW.fold(tiles, Events(VIEW.of, 0, 0, times, orjson.dumps(some)))
    pq.write_table(tile_table.arrow(tile_table.columns(VIEW), tile_table.rows(VIEW, tiles)), path)
    part = Slice(number * 100, number * 100 + 100)
    return SliceDelta(part, {}, {VIEW.name: failures}, max(times, default=None), {VIEW.name: str(path)})


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(FolderStore(tmp_path / "store"), tmp_path / "cache")


def generation(blobs: Blobs, entry: dict[str, Any]) -> Generation:
    raw, sha256 = written({"generation": 1, "cut": "0:100", "run": "r", "views": {VIEW.name: entry}})
    publication = Publication(1, Cut((100,)), sha256, "r")
    blobs.store.create(name_of(publication), raw)
    return Generation.open(blobs, publication)


def test_watermark_and_failures_are_those_of_all_that_is_covered_and_the_files_are_named(
    connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    late, early = rides(30, seed=1, hours=30), rides(30, seed=2, hours=5)
    deltas = [delta(tmp_path / "0", late, 0, 2), delta(tmp_path / "1", early, 1, 3), delta(tmp_path / "2", [], 2, 0)]
    entry = merge_view(connection, VIEW, deltas, None, tmp_path / "made", blobs)
    assert entry["watermark"] == max(instant_us(ride["at"]) for ride in late)
    assert entry["failures"] == 5
    assert (entry["fingerprint"], entry["keep_us"]) == (VIEW.fingerprint, DAY)
    base = generation(blobs, entry)
    assert len(list(base.tiles(VIEW))) == entry["rows"] > 0

    following = merge_view(connection, VIEW, [delta(tmp_path / "3", early, 3, 1)], base, tmp_path / "made", blobs)
    assert following["watermark"] == entry["watermark"], "what comes late sets no clock back"
    assert following["failures"] == 6
    for blob in blobs_of(following):
        blobs.fetch(blob)
    assert not any((tmp_path / "made").iterdir()), "what is in the store is there once"
    base.close()


def test_where_nothing_is_new_the_last_generation_is_carried_on_less_what_expired(
    connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    entry = merge_view(connection, VIEW, [delta(tmp_path / "0", rides(40), 0, 0)], None, tmp_path / "made", blobs)
    base = generation(blobs, entry)
    carried = merge_view(connection, VIEW, [], base, tmp_path / "made", blobs)
    assert (carried["rows"], carried["watermark"]) == (entry["rows"], entry["watermark"])
    assert carried["layers"][0]["index"] == entry["layers"][0]["index"]

    empty = delta(tmp_path / "1", [], 1, 0)
    later = replace(empty, newest=entry["watermark"] + 10 * DAY)
    expired = merge_view(connection, VIEW, [later], base, tmp_path / "made", blobs)
    assert expired["rows"] == 0
    base.close()


def test_layers_are_carried_by_name_and_a_tile_counts_once(
    connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    some, few = rides(200, seed=1), rides(4, seed=1)  # of the same times and stations: they touch what is there
    first = merge_view(connection, VIEW, [delta(tmp_path / "0", some, 0, 0)], None, tmp_path / "made", blobs)
    base = generation(blobs, first)
    second = merge_view(connection, VIEW, [delta(tmp_path / "1", few, 1, 0)], base, tmp_path / "made", blobs, 0)
    assert second["layers"][1:] == first["layers"], "what has not changed is not written again"
    assert second["rows"] == first["rows"] < sum(layer["rows"] for layer in second["layers"])
    layered = generation(blobs, second)
    before, after = (sum(cells[0] for _, _, cells in found.tiles(VIEW)) for found in (base, layered))
    assert after == before + len(few)

    third = merge_view(connection, VIEW, [], layered, tmp_path / "made", blobs, 0)
    assert third["layers"] == second["layers"], "nothing was new"
    together = merge_view(connection, VIEW, [delta(tmp_path / "2", few, 2, 0)], layered, tmp_path / "made", blobs)
    (layer,) = together["layers"]
    assert layer["rows"] == together["rows"] == first["rows"], "a small view is written anew: it is read more quickly"
    for opened in (base, layered):
        opened.close()


def test_a_view_that_nothing_was_ever_folded_into_has_files_without_rows(
    connection: Connection, blobs: Blobs, tmp_path: Path
) -> None:
    entry = merge_view(connection, VIEW, [], None, tmp_path / "made", blobs)
    assert (entry["rows"], entry["watermark"], entry["failures"]) == (0, None, 0)
    base = generation(blobs, entry)
    assert list(base.tiles(VIEW)) == []
    base.close()
