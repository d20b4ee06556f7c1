"""The merge of tables of tiles is the merge of the definition language, whoever does it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from anabranch import Events
from anabranch.instant import instant_us
from anabranch.view import Tiles, View, key_order
from batch.duckdb_session import Connection, connect, quoted
from batch.views import tile_table
from batch.views.merge import merge, table_columns
from batch.views.publish import LayerFiles, publish_view
from batch.views.published_table import ViewTables
from tests.batch.application import app
from tests.batch.rides import rides

VIEWS = [app.views[name] for name in ("in_sql", "ever", "alone", "kept")]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connect(1, 200_000_000, tmp_path / "spill") as connection:
        yield connection


def folded(view: View, some: Sequence[dict[str, Any]]) -> Tiles:
    tiles: Tiles = {}
    times = [instant_us(ride["at"]) for ride in some]
    assert not view.fold(tiles, Events(view.of, 0, 0, times, orjson.dumps(some)))
    return tiles


def stored(view: View, tiles: Tiles, path: Path) -> Path:
    pq.write_table(tile_table.arrow(tile_table.columns(view), tile_table.rows(view, tiles)), path)
    return path


def merged(
    connection: Connection,
    view: View,
    deltas: Sequence[Path],
    base: ViewTables | None = None,
    oldest: int | None = None,
) -> list[tuple[Any, ...]]:
    merge(connection, view, deltas, base, oldest, "merged")
    return connection.execute("FROM merged").fetchall()


def presented(view: View, rows: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
    width = len(view.key_fields)
    packed = len(view.columns)
    return {(row[:width], row[width]): view.present(view.unpack(row[width + 1 : width + 1 + packed])) for row in rows}


def expected(view: View, *parts: Tiles) -> dict[Any, Any]:
    whole: Tiles = {}
    for part in parts:
        view.merge_tiles(whole, {key: dict(by_start) for key, by_start in part.items()})
    return {(key, start): view.present(cells) for key, by_start in whole.items() for start, cells in by_start.items()}


def assert_same(found: dict[Any, Any], wanted: dict[Any, Any]) -> None:
    assert found.keys() == wanted.keys()
    for place, answer in wanted.items():
        for name, value in answer.items():
            if isinstance(value, float) and found[place][name] is not None:
                assert math.isclose(found[place][name], value, rel_tol=1e-9, abs_tol=1e-9), (place, name)
            else:
                assert found[place][name] == value, (place, name)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_tables_merge_to_what_their_tiles_merge_to_and_come_sorted(
    connection: Connection, view: View, tmp_path: Path
) -> None:
    parts = [folded(view, rides(80, seed=seed)) for seed in range(3)]
    deltas = [stored(view, part, tmp_path / f"{number}.parquet") for number, part in enumerate(parts)]
    rows = merged(connection, view, deltas)
    assert_same(presented(view, rows), expected(view, *parts))
    width = len(view.key_fields)
    assert rows == sorted(rows, key=lambda row: (key_order(row[:width]), row[width]))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_of_the_last_generation_the_tiles_that_are_touched_are_merged_and_no_others(
    connection: Connection, view: View, tmp_path: Path
) -> None:
    before, after = folded(view, rides(120, seed=1)), folded(view, rides(15, seed=2))
    files = LayerFiles.of(tmp_path, view.name)
    publish_view(connection, view, [stored(view, before, tmp_path / "0.parquet")], None, None, files)
    rows = merged(connection, view, [stored(view, after, tmp_path / "1.parquet")], ViewTables((str(files.table),)))
    touched = {(key, start) for key, by_start in after.items() for start in by_start}
    whole = expected(view, before, after)
    assert_same(presented(view, rows), {place: answer for place, answer in whole.items() if place in touched})


def test_tiles_that_are_too_old_are_left_out(connection: Connection, tmp_path: Path) -> None:
    view = app.views["kept"]
    tiles = folded(view, rides(60))
    delta = stored(view, tiles, tmp_path / "0.parquet")
    starts = sorted({start for by_start in tiles.values() for start in by_start})
    oldest = starts[len(starts) // 2]
    found = presented(view, merged(connection, view, [delta], oldest=oldest))
    assert {start for _, start in found} == {start for start in starts if start >= oldest}


def test_without_any_table_there_is_an_empty_one_of_the_same_columns(connection: Connection) -> None:
    for number, view in enumerate(VIEWS):
        merge(connection, view, [], None, None, f"empty_{number}")
        described = connection.execute(f"DESCRIBE empty_{number}").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == table_columns(view)
        assert connection.execute(f"SELECT count(*) FROM {quoted(f'empty_{number}')}").fetchone() == (0,)
