"""Layers are a way to store a view: however runs follow each other, they say what one full run says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch import Events
from anabranch.contributions import Key
from anabranch.instant import instant_us
from anabranch.view import Tiles, View, key_order
from anabranch.watermarks import newest
from batch.duckdb_session import Connection, connect
from batch.views import index_file, tile_table
from batch.views.layers import LayerSize
from batch.views.publish import BaseView, LayerFiles, publish_view
from batch.views.published_table import ViewTables, newest_tiles, published
from batch.views.reader_pool import ReaderPool
from serving.sql.relations import view_relations
from serving.sql.relations.snapshot_contents import SnapshotContents
from tests.batch.application import app
from tests.batch.rides import rides

VIEWS = [app.views[name] for name in ("in_sql", "ever", "alone", "kept")]
RUNS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 99), st.sampled_from([3, 30, 60])), min_size=1, max_size=4)
"""Of each run: how many events, which, and over how many hours of the log's beginning they are spread."""
WORTH = st.sampled_from([0, 0, 0, 5])


class Published:
    """A view after some runs, each of which goes on from the one before."""

    def __init__(self, connection: Connection, view: View, folder: Path, worth_a_layer: int = 0):
        self._connection = connection
        self._view = view
        self._folder = folder
        self._worth = worth_a_layer
        self._names = count()
        self._layers: list[tuple[LayerFiles, LayerSize]] = []
        self.base: BaseView | None = None

    def run(self, deltas: Sequence[Path], oldest: int | None) -> None:
        name = f"{next(self._names)}"
        into = LayerFiles(self._folder / f"{name}.parquet", self._folder / f"{name}.sqlite")
        made = publish_view(self._connection, self._view, deltas, self.base, oldest, into, self._worth)
        below = self._layers[made.taken_in :]
        self._layers = below if made.written is None else [(into, made.written), *below]
        paths = tuple(str(files.table) for files, _ in self._layers)
        self.base = BaseView(ViewTables(paths, oldest), tuple(size for _, size in self._layers), made.rows)

    @property
    def tables(self) -> ViewTables:
        assert self.base is not None
        return self.base.tables

    @property
    def rows(self) -> int:
        assert self.base is not None
        return self.base.rows

    def readers(self) -> ReaderPool:
        sizes = [size for _, size in self._layers]
        return ReaderPool([files.index for files, _ in self._layers], self._view, sizes)

    def shown(self) -> list[dict[str, Any]]:
        """What the tables hold, by key and tile."""
        return self._found(newest_tiles(self._view, self.tables))

    def seen_by_analysts(self) -> Iterator[list[dict[str, Any]]]:
        """The relations of the view, and what generation 1 is said to have had, once this is generation 1."""
        contents = SnapshotContents(generation=1, tables={1: {self._view.name: self.tables}})
        for relation in view_relations.relations(self._view):
            yield self._found(relation.source(contents))
        self._connection.execute(view_relations.history_macro(self._view, contents))
        yield self._found(f"FROM view_{self._view.name}_at(1)")

    def _found(self, query: str) -> list[dict[str, Any]]:
        found = self._connection.sql(query).to_arrow_table().to_pylist()
        fields = self._view.key_fields
        return sorted(found, key=lambda row: (key_order(tuple(row[f] for f in fields)), str(row["tile"])))

    def merged_next(self) -> list[tuple[Any, ...]]:
        """What the next run reads."""
        rows = self._connection.execute(published(self._view, self.tables)).fetchall()
        width = len(self._view.key_fields)
        return sorted(rows, key=lambda row: (key_order(row[:width]), row[width]))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@settings(max_examples=10, deadline=None)
@given(runs=RUNS, worth=WORTH)
def test_any_sequence_of_runs_says_what_one_full_run_says(view: View, runs: list[Any], worth: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        connection = stack.enter_context(connect(1, 200_000_000, folder / "spill"))
        layered = Published(connection, view, folder, worth)
        deltas: list[Path] = []
        clock: int | None = None
        for number, (events, seed, hours) in enumerate(runs):
            some = rides(events, seed, hours=hours)
            deltas.append(_delta(view, some, folder / f"delta-{number}.parquet"))
            clock = newest(clock, *(instant_us(ride["at"]) for ride in some))
            layered.run(deltas[-1:] if some else [], view.oldest_kept(clock))
        full = Published(connection, view, folder / "full")
        full.run(deltas, view.oldest_kept(clock))
        assert layered.rows == full.rows == len(full.shown())
        assert_same(view, layered, full)


def _delta(view: View, some: Sequence[dict[str, Any]], path: Path) -> Path:
    tiles: Tiles = {}
    times = [instant_us(ride["at"]) for ride in some]
    assert not view.fold(tiles, Events(view.of, 0, 0, times, orjson.dumps(some)))
    pq.write_table(tile_table.arrow(tile_table.columns(view), tile_table.rows(view, tiles)), path)
    return path


def assert_same(view: View, layered: Published, full: Published) -> None:
    ways = zip((layered.shown(), *layered.seen_by_analysts()), (full.shown(), *full.seen_by_analysts()), strict=True)
    for rows, wanted_rows in ways:
        for found, expected in zip(rows, wanted_rows, strict=True):
            for name in (*view.key_fields, "tile", *view.aggregates):
                assert_close(found[name], expected[name], name)
    width = len(view.key_fields) + 1
    for row, wanted in zip(layered.merged_next(), full.merged_next(), strict=True):
        assert row[:width] == wanted[:width]
        assert_answers(view, view.unpack(row[width:]), view.unpack(wanted[width:]))
    with layered.readers().lent() as some, full.readers().lent() as all_:
        oldest = layered.tables.oldest
        every = list(all_.tiles({}, index_file.FIRST, None, None))
        assert_rows(view, list(some.tiles({}, index_file.FIRST, oldest, None)), every)
        for place in every[:: max(1, len(every) // 5)]:
            after = [row for row in every if _order(row) > _order(place)]
            assert_rows(view, list(some.tiles({}, index_file.behind((place[0], place[1])), oldest, None)), after)
            key = place[0]
            of_key = [row for row in every if row[0] == key]
            assert_rows(view, list(some.tiles_of(key, oldest, None)), of_key)
            start = place[1] if oldest is None else max(oldest, place[1])
            assert_rows(view, list(some.tiles_of(key, start, None)), [row for row in of_key if row[1] >= start])
            assert_rows(view, list(some.tiles_of(key, oldest, place[1])), [row for row in of_key if row[1] < place[1]])
            if key:
                partial = {view.key_fields[0]: key[0]}
                of_partial = [row for row in every if row[0][0] == key[0]]
                assert_rows(view, list(some.tiles(partial, index_file.FIRST, oldest, None)), of_partial)


def _order(row: tuple[Key, int, Any]) -> tuple[Any, int]:
    return key_order(row[0]), row[1]


def assert_rows(view: View, found: Sequence[Any], expected: Sequence[Any]) -> None:
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for row, wanted in zip(found, expected, strict=True):
        assert_answers(view, row[2], wanted[2])


def assert_answers(view: View, found: Any, expected: Any) -> None:
    one, other = view.present(found), view.present(expected)
    assert one.keys() == other.keys()
    for name, value in other.items():
        assert_close(one[name], value, name)


def assert_close(found: Any, expected: Any, name: str) -> None:
    """Equal, but for what the order of additions does to a sum of floats."""
    if isinstance(expected, float) and found is not None:
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9), name
    else:
        assert found == expected, name
