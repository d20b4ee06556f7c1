"""Point reads, ranges and pages of a generation against the whole of it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from anabranch import App, agg
from anabranch.contributions import Key
from anabranch.view import View, key_order
from batch.errors import CorruptGenerationError
from batch.generation import Generation
from batch.generations import Generations
from batch.manifest import name_of
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post
from tests.batch.rides import rides
from tests.generation_files import manifest_of, view_file


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


def test_a_manifest_that_is_not_the_one_that_was_published_is_refused(home: Home, generation: Generation) -> None:
    manifest, publication = manifest_of(home.path, 1), generation.publication
    with pytest.raises(CorruptGenerationError, match=r"the manifest of generation 1 is damaged: .* is missing"):
        Generation.open(home.blobs, replace(publication, manifest_sha256="abc"))
    manifest.write_text(manifest.read_text().replace("in_sql", "in-sql"))
    with pytest.raises(CorruptGenerationError, match="has the sha256"):
        Generation.open(home.blobs, publication)
    raw = b'{"format": 3}'
    other = replace(publication, manifest_sha256=sha256(raw).hexdigest())
    home.blobs.store.create(name_of(other), raw)
    with pytest.raises(CorruptGenerationError, match="is no manifest"):
        Generation.open(home.blobs, other)


@pytest.mark.parametrize("kind", ["table", "index"])
def test_every_byte_of_every_file_is_checked_when_it_is_opened(home: Home, generation: Generation, kind: str) -> None:
    path = view_file(home.path, 1, "pairs", kind)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptGenerationError, match=f"the {kind} of view 'pairs' of generation 1 .*{path.name}"):
        home.open(1)


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
    for _ in range(2):
        home.run()
    first, second = home.publication(1), home.publication(2)
    generations = Generations(home.blobs)
    held = generations.get(first)
    assert generations.get(first) is held
    assert generations.stored([second, first]) == [second, first]
    generations.get(second)
    generations.forget(2)
    with pytest.raises(CorruptGenerationError, match="closed"):
        held.tiles(home.app.views["in_sql"])
    manifest_of(home.path, 1).unlink()
    assert generations.stored([second, first]) == [second]
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
    told = {name: said for name, said in generation.manifest.items() if name != "watermarks"}
    older = Generation(generation.publication, told, home.blobs)
    assert older.watermarks(home.app) == expected
    generation.close()
