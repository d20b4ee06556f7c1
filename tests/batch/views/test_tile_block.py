"""Blocks say what was packed into them, wherever a table is cut, and whatever is missing in it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, View, agg
from anabranch.view import Key, key_order
from batch.views import tile_table
from batch.views.tile_block import Block, Layout, blocks

app = App("blocks")


class Note(BaseModel):
    author: str | None
    public: bool | None
    stars: int
    text: str


notes = app.stream("notes", Note)
numbers = app.view("numbers", of=notes, by=("author", "public"), tile="1h", n=agg.count(), known=agg.count("stars"))
texts = app.view(
    "texts", of=notes, by="author", tile="1h", n=agg.count(), first=agg.min("text"), all=agg.collect("text")
)
whole = app.view("whole", of=notes, n=agg.count(), last=agg.max("text"))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False),
    "BOOLEAN": st.booleans(),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    "BLOB": st.binary(max_size=5),
}
KEYS = {
    "numbers": st.tuples(st.sampled_from([None, "", "A", "B", "日本"]), st.sampled_from([None, False, True])),
    "texts": st.tuples(st.sampled_from([None, "", "A", "a'b"])),
    "whole": st.just(()),
}


@st.composite
def tables(draw: st.DrawFn, view: View) -> list[tuple[Any, ...]]:
    """Rows of a table of tiles, sorted, of which any packed value may be missing."""
    places = draw(st.sets(st.tuples(KEYS[view.name], st.integers(-(2**62), 2**62)), max_size=25))
    rows = []
    for key, tile in sorted(places, key=order):
        rows.append((*key, tile, *(draw(st.none() | VALUES[type_]) for _, type_ in view.columns)))
    return rows


def order(place: tuple[Key, int]) -> tuple[Any, int]:
    return key_order(place[0]), place[1]


def packed(view: View, rows: list[tuple[Any, ...]], block_bytes: int, skipped: int = 0) -> list[tuple[Key, int, Block]]:
    """The blocks of the rows behind the first few: Arrow then has columns that begin within their buffers."""
    table = tile_table.arrow(tile_table.columns(view), rows).combine_chunks()
    batch = pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=table.schema)
    layout = Layout(view)
    return [(key, tile, Block(layout, data)) for key, tile, data in blocks(view, batch.slice(skipped), block_bytes)]


def unpacked(view: View, block: Block) -> list[tuple[Any, ...]]:
    rows = []
    for key, start, stop in block.runs():
        cells = list(block.cells(start, stop))
        assert len(cells) == stop - start
        rows += [(*key, block.tiles[start + at], *cell) for at, cell in enumerate(cells)]
    return rows


@pytest.mark.parametrize("view", [numbers, texts, whole], ids=lambda view: view.name)
@given(data=st.data(), block_bytes=st.sampled_from([1, 100, 10**6]), skipped=st.integers(0, 3))
def test_the_blocks_of_a_table_hold_its_rows_and_are_named_by_their_first(
    view: View, data: st.DataObject, block_bytes: int, skipped: int
) -> None:
    rows = data.draw(tables(view))
    found = packed(view, rows, block_bytes, skipped)
    assert [row for _, _, block in found for row in unpacked(view, block)] == rows[skipped:]
    width = len(view.key_fields)
    for key, tile, block in found:
        first = unpacked(view, block)[0]
        assert (key, tile) == (first[:width], first[width])
    if block_bytes == 10**6:
        assert len(found) <= 1


@given(
    rows=tables(numbers),
    key=KEYS["numbers"],
    block_bytes=st.sampled_from([1, 100, 10**6]),
)
@example(rows=[(None, True, 0, 1, None)], key=(None, True), block_bytes=100)
def test_a_key_is_found_where_it_is_and_it_is_known_whether_greater_ones_follow(
    rows: list[tuple[Any, ...]], key: Key, block_bytes: int
) -> None:
    for _, _, block in packed(numbers, rows, block_bytes):
        held = unpacked(numbers, block)
        start, stop, greater = block.find(key)
        assert held[start:stop] == [row for row in held if row[:2] == key]
        assert greater == any(key_order(row[:2]) > key_order(key) for row in held)


def test_the_tiles_of_one_key_are_one_run_in_each_block() -> None:
    rows = [(author, None, tile, 1, 0) for author in ("a", "b") for tile in range(100)]
    found = packed(numbers, rows, 1_000)
    assert len(found) > 2
    for _, _, block in found:
        keys = [key for key, _, _ in block.runs()]
        assert keys == [key for key, _ in groupby(keys)]


def test_a_block_is_about_as_large_as_it_should_be() -> None:
    rows = [(f"author {number:05d}", True, 0, number, number) for number in range(5_000)]
    table = tile_table.arrow(tile_table.columns(numbers), rows).to_batches()[0]
    sizes = [len(data) for _, _, data in blocks(numbers, table, 7_500)]
    assert all(5_000 < size < 10_000 for size in sizes[:-1])
