"""Indexes of several layers, read as one: whatever is asked, the answer is that of the newest tiles in one index."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, agg
from anabranch.contributions import Key
from anabranch.view import key_order
from batch.views import index_file
from batch.views.index_file import IndexReader
from batch.views.layered_reader import LayeredReader
from batch.views.layers import LayerSize


class Visit(BaseModel):
    page: str | None = None
    member: bool | None = None


APP = App("visits")
VIEW = APP.view("visits", of=APP.stream("visits", Visit), by=("page", "member"), n=agg.count())
KEYS = st.tuples(st.sampled_from([None, "", "A", "B"]), st.sampled_from([None, False, True]))
PLACES = st.sets(st.tuples(KEYS, st.integers(-3, 30)), max_size=40)
BOUNDS = st.none() | st.integers(-5, 32)


@settings(max_examples=150, deadline=None)
@given(
    layers=st.lists(PLACES, min_size=2, max_size=4),
    block_bytes=st.sampled_from([1, 300, 1_000_000]),
    bounds_are_known=st.booleans(),
    keys=st.fixed_dictionaries({}, optional={"page": KEYS.map(lambda k: k[0]), "member": KEYS.map(lambda k: k[1])}),
    key=KEYS,
    start=BOUNDS,
    end=BOUNDS,
    after=st.none() | st.tuples(KEYS, st.integers(-5, 32)),
)
def test_of_every_tile_the_newest_layer_answers(
    layers: list[set[tuple[Key, int]]],
    block_bytes: int,
    bounds_are_known: bool,
    keys: dict[str, Any],
    key: Key,
    start: int | None,
    end: int | None,
    after: tuple[Key, int] | None,
) -> None:
    numbers = count()
    newest: dict[tuple[Key, int], tuple[Key, int, int]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        readers: list[tuple[IndexReader, LayerSize]] = []
        for layer in layers:
            rows = [(place[0], place[1], next(numbers)) for place in sorted(layer, key=_order)]
            for row in rows:
                newest.setdefault((row[0], row[1]), row)
            path = folder / f"{len(readers)}"
            index_file.create(path, VIEW, [[(*row[0], *row[1:]) for row in rows]], block_bytes)
            connection = index_file.connect(path)
            stack.callback(connection.close)
            starts = [row[1] for row in rows]
            known = bounds_are_known and starts
            size = LayerSize(len(rows), min(starts), max(starts)) if known else LayerSize(len(rows))
            readers.append((IndexReader(connection, VIEW), size))
        reader = LayeredReader(readers)
        place = index_file.FIRST if after is None else index_file.behind(after)
        page = [(key_, tile, cells[0]) for key_, tile, cells in reader.tiles(keys, place, start, end)]
        of_key = [(key_, tile, cells[0]) for key_, tile, cells in reader.tiles_of(key, start, end)]
    every = [newest[place] for place in sorted(newest, key=_order) if _within(place[1], start, end)]
    assert of_key == [row for row in every if row[0] == key]
    fits = partial(_fits, keys)
    assert page == [row for row in every if fits(row[0]) and (after is None or _order(row[:2]) > _order(after))]


def _order(place: tuple[Key, int]) -> tuple[Any, int]:
    return key_order(place[0]), place[1]


def _within(tile: int, start: int | None, end: int | None) -> bool:
    return (start is None or tile >= start) and (end is None or tile < end)


def _fits(keys: dict[str, Any], key: Key) -> bool:
    return all(key[VIEW.key_fields.index(name)] == value for name, value in keys.items())
