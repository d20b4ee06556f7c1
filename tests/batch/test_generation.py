"""Point reads, ranges and pages of a generation against the whole of it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch import App, Events, agg
from anabranch.contributions import Cells, Key
from anabranch.instant import instant_us
from anabranch.view import Tiles, View, key_order
from batch.errors import CorruptGenerationError, FormatError
from batch.generation import FORMAT, Generation
from batch.generations import Generations
from batch.views import index_file
from tests.batch.application import app as application
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post
from tests.batch.rides import rides


@pytest.fixture
def generation(home: Home) -> Any:
    home.post("rides", rides(400))
    home.run()
    generation = home.open(1)
    yield generation
    generation.close()


def places(generation: Generation, view: View, **query: Any) -> list[tuple[Key, int]]:
    return [(key, tile) for key, tile, _ in generation.tiles(view, **query)]


@pytest.fixture
def view(home: Home) -> View:
    return home.app.views["in_sql"]


def test_tiles_come_in_the_one_order_of_keys(generation: Generation, view: View) -> None:
    found = places(generation, view)
    assert found == sorted(found, key=lambda place: (key_order(place[0]), place[1]))
    assert {type(key[1]) for key, _ in found} == {bool, type(None)}
    docks = places(generation, generation_view(generation, "ever"))
    assert [key for key, _ in docks] == [(None,), (-1,), (0,), (3,), (2**62,)]


def generation_view(generation: Generation, name: str) -> View:
    from tests.batch.application import app

    return app.views[name]


@pytest.mark.parametrize("station", [None, "", "A", "日本", "a'b\"c"])
@pytest.mark.parametrize("member", [None, False, True])
def test_a_point_read_finds_the_tiles_of_its_key(
    generation: Generation, view: View, station: str | None, member: bool | None
) -> None:
    whole = places(generation, view)
    key = {"station": station, "member": member}
    mine = [place for place in whole if place[0] == (station, member)]
    assert places(generation, view, keys=key) == mine
    start, end = mine[2][1], mine[5][1]
    assert places(generation, view, keys=key, start=start, end=end) == mine[2:5]
    assert places(generation, view, keys=key, start=start, limit=1) == mine[2:3]
    assert places(generation, view, keys={"station": "nowhere", "member": member}) == []


@pytest.mark.parametrize("partial", [{"station": "A"}, {"member": True}, {"member": None}, {}])
def test_partial_keys_filter_and_pages_join_up(generation: Generation, view: View, partial: dict[str, Any]) -> None:
    fields = view.key_fields
    expected = [
        (key, tile)
        for key, tile in places(generation, view)
        if all(key[fields.index(name)] == value for name, value in partial.items())
    ]
    pages: list[tuple[Key, int]] = []
    while page := places(generation, view, keys=partial, after=pages[-1] if pages else None, limit=7):
        pages += page
    assert pages == expected


def test_many_threads_read_at_once(generation: Generation, view: View) -> None:
    expected = places(generation, view)
    with ThreadPoolExecutor(4) as pool:
        assert all(found == expected for found in pool.map(lambda _: places(generation, view), range(20)))


KEYS = st.tuples(st.sampled_from([None, "", "A", "B", "日本"]), st.sampled_from([None, False, True]))
PLACES = st.sets(st.tuples(KEYS, st.integers(-3, 30)), max_size=60)
BOUNDS = st.none() | st.integers(-5, 32)


@settings(max_examples=200)
@given(
    places=PLACES,
    block_bytes=st.sampled_from([1, 300, 1_000_000]),
    split=st.integers(0, 60),
    keys=st.fixed_dictionaries({}, optional={"station": KEYS.map(lambda k: k[0]), "member": KEYS.map(lambda k: k[1])}),
    start=BOUNDS,
    end=BOUNDS,
    after=st.none() | st.tuples(KEYS, st.integers(-5, 32)),
    limit=st.none() | st.integers(1, 5),
)
def test_an_index_of_any_tiles_answers_as_a_list_of_them_does(
    places: set[tuple[Key, int]],
    block_bytes: int,
    split: int,
    keys: dict[str, Any],
    start: int | None,
    end: int | None,
    after: tuple[Key, int] | None,
    limit: int | None,
) -> None:
    view = application.views["in_sql"]
    ordered = sorted(places, key=order)
    cells = dict(zip(ordered, cycle(some_cells(view)), strict=False))
    rows = [(*key, tile, *view.pack(cells[key, tile])) for key, tile in ordered]
    with TemporaryDirectory() as folder:
        index_file.create(Path(folder) / "index", view, [rows[:split][::-1], rows[split:]], block_bytes)
        held = {view.name: {"files": {"index": {"path": "index"}}}}
        generation = Generation(Path(folder), {"generation": 1, "cut": "0:0", "run": "", "views": held})
        found = list(generation.tiles(view, keys, start, end, after, limit))
        generation.close()
    expected = [
        (key, tile)
        for key, tile in ordered
        if all(dict(zip(view.key_fields, key, strict=True))[name] == value for name, value in keys.items())
        and (start is None or tile >= start)
        and (end is None or tile < end)
        and (after is None or order((key, tile)) > order(after))
    ][:limit]
    assert [(key, tile) for key, tile, _ in found] == expected
    assert [view.pack(read) for _, _, read in found] == [view.pack(cells[place]) for place in expected]


@cache
def some_cells(view: View) -> list[Cells]:
    """Cells as they come, with every kind of value missing now and then."""
    some = rides(150)
    tiles: Tiles = {}
    times = [instant_us(ride["at"]) for ride in some]
    assert not view.fold(tiles, Events(view.of, 0, 0, times, orjson.dumps(some)))
    return [cells for by_start in tiles.values() for cells in by_start.values()]


def order(place: tuple[Key, int]) -> tuple[Any, int]:
    return key_order(place[0]), place[1]


def test_another_format_and_another_digest_are_refused(home: Home, generation: Generation) -> None:
    manifest = home.generations / "1" / "manifest.json"
    with pytest.raises(CorruptGenerationError, match="sha256 abc, found sha256"):
        Generation.open(home.generations, 1, "abc")
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(FormatError, match="99"):
        Generation.open(home.generations, 1)
    manifest.write_text("{}")
    with pytest.raises(CorruptGenerationError):
        Generation.open(home.generations, 1)


def test_a_generation_covers_the_views_it_was_made_of(home: Home, generation: Generation) -> None:
    assert all(generation.covers(view) for view in home.app.views.values())
    other = App("testing")
    changed = other.view("alone", of=other.stream("rides", home.app.streams["rides"].model), n=agg.count("dock"))
    unknown = other.view("unknown", of=other.streams["rides"], n=agg.count())
    assert not generation.covers(changed)
    assert not generation.covers(unknown)
    assert generation.watermark(unknown) is None
    assert generation.watermark(home.app.views["pairs"]) is None


def test_generations_are_opened_once_and_closed(home: Home) -> None:
    for _ in range(3):
        home.run()
    generations = Generations(home.generations)
    assert generations.get(1) is generations.get(1)
    assert generations.numbers() == [1, 2, 3]
    generations.get(3)
    generations.forget(2)
    assert generations.remove_but({2, 3}) == [1]
    generations.close()


def test_the_read_side_loads_neither_dask_nor_duckdb_nor_arrow() -> None:
    code = "import sys, batch.generations; print({'dask', 'duckdb', 'pyarrow', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


def test_a_manifest_names_the_watermark_of_every_stream_and_an_older_one_lets_them_be_derived(home: Home) -> None:
    learning_home(home)
    post(home, 150)
    home.run()
    post(home, 40, seed=1)  # of the same day: most streams get nothing newer
    home.run()
    times_by_stream: dict[str, list[int]] = {}
    for segment in home.segments():
        times_by_stream.setdefault(segment.stream, []).extend(segment.times)
    expected = {stream: max(times_by_stream[stream]) for stream in home.app.streams}
    generation = home.open(2)
    assert generation.watermarks(home.app) == generation.manifest["watermarks"] == expected
    older = Generation(generation.folder, {n: said for n, said in generation.manifest.items() if n != "watermarks"})
    assert older.watermarks(home.app) == expected
    generation.close()
