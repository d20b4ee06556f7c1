"""The views at the beginning of a slice: what the last generation holds, and what came between, merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch import Events
from anabranch.view import Key, Tiles, View
from batch.archive import archive
from batch.duckdb_session import Connection, connect
from batch.exchange import Exchange
from batch.generation import Generation
from batch.models.prefix import Prefix
from batch.plan import Slice
from batch.views.slice_fold import SliceTask, fold_slice
from tests.batch.conftest import APPLICATION, Home
from tests.batch.rides import rides
from tests.batch.views.test_merge import assert_same

UNKNOWN: dict[str, Key] = {"in_sql": ("nowhere", True), "ever": (7,), "kept": ("nowhere",)}
"""By view, a key that no ride has."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connect(1, 200_000_000, tmp_path / "spill") as connection:
        yield connection


def table(home: Home, view: str, start: int, end: int) -> str:
    """What a slice adds to a view."""
    files, place = tuple(home.lake.held("rides", start, end)), Exchange.of(home.lake.blobs, "run", home.path)
    task = SliceTask(APPLICATION, (view,), Slice(start, end), files, place, 1, 100_000_000)
    return fold_slice(task).located(place, home.path / "tables").paths[view]


def folded(home: Home, view: View, end: int) -> Tiles:
    tiles: Tiles = {}
    for segment in home.segments():
        if segment.stream == view.of.name and segment.offset < end:
            head = segment.head(end)
            view.fold(tiles, Events(view.of, 0, head.offset, head.times, head.data))
    return tiles


def presented(view: View, by_start: dict[int, Any]) -> dict[int, Any]:
    return {start: view.present(cells) for start, cells in by_start.items()}


@pytest.mark.parametrize("base_end", [0, 80])
def test_each_key_has_the_tiles_of_one_pass_over_the_log(home: Home, connection: Connection, base_end: int) -> None:
    base: Generation | None = None
    for seed in range(2):
        home.post("rides", rides(40, seed=seed))
    if base_end:
        home.run()
        base = home.open(1)
    home.post("rides", rides(60, seed=5))
    end = home.log.end()
    archive(home.log, home.lake, home.app, end, lambda records: None)
    whole = end.offsets[0]
    edges = [(base_end, 100), (100, 120), (120, whole)]
    prefix = Prefix(base, home.path / "prefix")
    deltas = {name: [table(home, name, *edge) for edge in edges] for name in UNKNOWN}
    prefix.build(connection, home.app.views, deltas, {})
    for name in UNKNOWN:
        view = home.app.views[name]
        tiles = folded(home, view, whole)
        assert tiles
        oldest = view.oldest_kept(max(time for segment in home.segments() for time in segment.times))
        for key, of_key in tiles.items():
            by_start = {start: cells for start, cells in of_key.items() if oldest is None or start >= oldest}
            assert_same(presented(view, prefix.tiles_of(view, key, oldest)), presented(view, by_start))
            first = sorted(by_start)[len(by_start) // 2] if by_start else 0
            later = {start: cells for start, cells in by_start.items() if start >= first}
            assert_same(presented(view, prefix.tiles_of(view, key, first)), presented(view, later))
        assert prefix.tiles_of(view, UNKNOWN[name], None) == {}
    prefix.close()
    if base is not None:
        base.close()


def test_it_is_built_anew_for_another_slice_and_leaves_nothing_behind(home: Home, connection: Connection) -> None:
    home.post("rides", rides(50))
    archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    view, folder = home.app.views["alone"], home.path / "prefix"
    one, other = table(home, "alone", 0, 20), table(home, "alone", 20, 50)
    prefix = Prefix(None, folder)
    counts = []
    for paths in ([one], [one, other], []):
        prefix.build(connection, home.app.views, {"alone": paths}, {})
        counts.append([view.present(cells)["n"] for cells in prefix.tiles_of(view, (), None).values()])
    assert counts == [[20], [50], []]
    prefix.close()
    assert not folder.exists()


def test_what_is_expired_at_the_watermark_is_not_merged(home: Home, connection: Connection) -> None:
    home.post("rides", rides(50, hours=30))
    archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    view = home.app.views["kept"]
    tiles = folded(home, view, 50)
    newest = max(start for by_start in tiles.values() for start in by_start) + 1
    oldest = view.oldest_kept(newest)
    assert oldest is not None
    prefix = Prefix(None, home.path / "prefix")
    prefix.build(connection, home.app.views, {"kept": [table(home, "kept", 0, 50)]}, {"rides": newest})
    kept = {key: {s for s in by_start if s >= oldest} for key, by_start in tiles.items()}
    assert {key: set(prefix.tiles_of(view, key, None)) for key in tiles} == kept
    assert any(len(kept[key]) < len(tiles[key]) for key in tiles)
    prefix.close()
