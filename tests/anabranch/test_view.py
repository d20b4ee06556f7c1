"""A view folds events into tiles, whatever pieces they come in, and harms nobody when a function of the user fails."""

from __future__ import annotations

import enum
import functools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, View, agg
from anabranch.view import Tiles

HOUR = 3_600_000_000


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


class Page(BaseModel):
    url: str
    text: str | None = None
    size: int = 0
    at: datetime | None = None


def view(**arguments: Any) -> View:
    app = App("pages")
    return app.view("found", of=app.stream("pages", Page), **{"n": agg.count(), **arguments})


def events(view: View, rows: list[dict[str, Any]], times: list[int] | None = None, offset: int = 0) -> Events:
    return Events(view.of, 0, offset, times or [0] * len(rows), orjson.dumps(rows))


def folded(view: View, rows: list[dict[str, Any]], times: list[int] | None = None) -> tuple[dict[Any, Any], int]:
    """What `view` presents, by key and tile, and how often a function failed."""
    tiles: Tiles = {}
    failures = view.fold(tiles, events(view, rows, times))
    return presented(view, tiles), failures


def presented(view: View, tiles: Tiles) -> dict[Any, Any]:
    return {(key, tile): view.present(cells) for key, starts in tiles.items() for tile, cells in starts.items()}


def counts(view: View, rows: list[dict[str, Any]]) -> dict[Any, int]:
    found, failures = folded(view, rows)
    assert failures == 0
    return {key[0] if len(key) == 1 else key: answer["n"] for (key, _), answer in found.items()}


# keys


def test_a_view_is_keyed_by_a_field_by_several_or_by_nothing() -> None:
    rows: list[dict[str, Any]] = [{"url": "/a", "size": 1}, {"url": "/b", "size": 1}, {"url": "/a", "size": 1}]
    assert counts(view(by="url"), rows) == {"/a": 2, "/b": 1}
    assert counts(view(by=("url", "size")), rows) == {("/a", 1): 2, ("/b", 1): 1}
    assert counts(view(), rows) == {(): 3}


def test_a_missing_key_is_a_key_of_its_own() -> None:
    assert counts(view(by="text"), [{"url": "/a"}, {"url": "/b", "text": "x"}]) == {None: 1, "x": 1}


def test_a_function_key_sends_one_event_to_many_keys_and_counts_a_repeated_key_twice() -> None:
    words = view(by=lambda page: (page.text or "").split())
    rows = [{"url": "/a", "text": "to be or not to be"}, {"url": "/b", "text": ""}, {"url": "/c"}]
    assert counts(words, rows) == {"to": 2, "be": 2, "or": 1, "not": 1}
    assert words.key_fields == ("key",)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (lambda page: page.url, {"/a": 1}),
        (lambda page: 7, {"7": 1}),
        (lambda page: None, {None: 1}),
        (lambda page: Size.LARGE, {"2": 1}),
        (lambda page: [], {}),
        (lambda page: ("x", "y"), {"x": 1, "y": 1}),
        (lambda page: {"x", "y"}, {"x": 1, "y": 1}),
        (lambda page: Counter("xxy"), {"x": 1, "y": 1}),
        (lambda page: Counter("xxy").keys(), {"x": 1, "y": 1}),
        (lambda page: (letter for letter in "xxy"), {"x": 2, "y": 1}),
        (lambda page: map(str.upper, "xy"), {"X": 1, "Y": 1}),
    ],
)
def test_a_function_key_may_be_a_key_or_any_collection_of_keys(key: Any, expected: dict[Any, int]) -> None:
    assert counts(view(by=key), [{"url": "/a"}]) == expected


# tiles


def test_tiles_begin_at_whole_multiples_of_their_width_before_1970_too() -> None:
    found, _ = folded(view(tile="1h"), [{"url": "/"}] * 4, [0, HOUR - 1, HOUR, -1])
    assert {tile: answer["n"] for (_, tile), answer in found.items()} == {0: 2, HOUR: 1, -HOUR: 1}


# where


def test_where_of_the_view_keeps_an_event_out_and_where_of_an_aggregate_its_value() -> None:
    found, failures = folded(
        view(where=lambda p: p.size > 0, large=agg.count(where=lambda p: p.size > 5), most=agg.max("size")),
        [{"url": "/", "size": size} for size in (0, 3, 9)],
    )
    assert (found[(), 0], failures) == ({"n": 2, "large": 1, "most": 9}, 0)


def test_an_aggregates_where_is_asked_only_of_events_that_its_view_takes() -> None:
    guarded = view(where=lambda p: p.text is not None, long=agg.count(where=lambda p: len(p.text) > 3))
    found, failures = folded(guarded, [{"url": "/"}, {"url": "/", "text": "long text"}])
    assert (found[(), 0], failures) == ({"n": 1, "long": 1}, 0)


def test_a_failing_function_is_counted_and_leaves_out_its_event_alone() -> None:
    rows: list[dict[str, Any]] = [{"url": "/", "size": size} for size in (0, 1, 2)]
    for broken in (view(by=lambda p: 2 // p.size), view(where=lambda p: 1 / p.size), view(by=lambda p: failing(p))):
        found, failures = folded(broken, rows)
        assert (sum(answer["n"] for answer in found.values()), failures) == (2, 1)
    found, failures = folded(view(odd=agg.count(where=lambda p: 1 / p.size)), rows)
    assert (found[(), 0], failures) == ({"n": 3, "odd": 2}, 1)


def failing(page: Page) -> Iterator[str]:
    """Fails after its first key: that one does not count either."""
    yield "half"
    _ = 1 / page.size


# the fold in pieces


ROWS = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {"url": st.sampled_from("abc"), "size": st.integers(-5, 5)}, optional={"text": st.none() | st.text("xyz ")}
        ),
        st.integers(-3 * HOUR, 3 * HOUR),
    ),
    max_size=30,
)
EVERYTHING = {
    "total": agg.sum("size"), "mean": agg.mean("size"), "first": agg.first("text"), "last": agg.last("size"),
    "different": agg.distinct("text"), "median": agg.quantile("size", 0.5), "all": agg.collect("text", limit=2),
    "few": agg.count("text", where=lambda page: page.size > 0), "best": agg.top("url", 2),
}  # fmt: skip


@pytest.mark.parametrize("by", ["url", ("url", "text"), (), lambda page: (page.text or "").split()])
@settings(max_examples=40)
@given(rows=ROWS, cuts=st.sets(st.integers(0, 30)))
def test_any_chunks_fold_to_the_same_as_one_event_at_a_time(by: Any, rows: list[Any], cuts: set[int]) -> None:
    """Folded on, or folded apart and merged, packed or not."""
    v = view(by=by, tile="1h", where=lambda page: page.size != 3, **EVERYTHING)
    whole: Tiles = {}
    for offset, (row, time) in enumerate(rows):
        v.fold(whole, events(v, [row], [time], offset))
    on: Tiles = {}
    apart: Tiles = {}
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for start, end in pairwise(edges):
        chunk = events(v, [row for row, _ in rows[start:end]], [time for _, time in rows[start:end]], start)
        v.fold(on, chunk)
        piece: Tiles = {}
        v.fold(piece, chunk)
        packed = {key: {at: v.unpack(v.pack(cells)) for at, cells in found.items()} for key, found in piece.items()}
        v.merge_tiles(apart, packed)
    assert presented(v, on) == presented(v, whole)
    assert presented(v, apart) == presented(v, whole)


def test_packed_cells_have_one_value_a_column() -> None:
    v = view(mean=agg.mean("size"), url=agg.last("url"))
    assert [name for name, _ in v.columns] == [
        "n__n", "mean__n", "mean__hi", "mean__lo", "url__time", "url__partition", "url__offset", "url__value",
    ]  # fmt: skip
    tiles: Tiles = {}
    v.fold(tiles, events(v, [{"url": "/a", "size": 3}], [5], 7))
    assert v.pack(tiles[()][0]) == (1, 1, 0, 3, 5, 0, 7, "/a")


def test_instants_are_answered_as_iso_text() -> None:
    v = view(earliest=agg.min("at"), days=agg.collect("at"), best=agg.top("at", 1))
    found, _ = folded(v, [{"url": "/", "at": datetime(2014, 5, day, tzinfo=UTC)} for day in (2, 1, 2)])
    assert found[(), 0]["earliest"] == "2014-05-01T00:00:00Z"
    assert found[(), 0]["days"] == ["2014-05-01T00:00:00Z", "2014-05-02T00:00:00Z"]
    assert found[(), 0]["best"] == [{"value": "2014-05-02T00:00:00Z", "count": 2}]


# the fingerprint


SAME = [
    (lambda: view(), lambda: view()),
    (lambda: view(tile="1h"), lambda: view(tile="1h", keep="90d")),
    (lambda: view(where=lambda p: p.url in {"a", "b"}), lambda: view(where=lambda p: p.url in {"b", "a"})),
    (lambda: view(where=functools.partial(max, 1)), lambda: view(where=functools.partial(max, 1))),
    (lambda: view(where=closing(re.compile("a"))), lambda: view(where=closing(re.compile("a")))),
]
DIFFERENT = [
    (lambda: view(), lambda: view(by="url")),
    (lambda: view(), lambda: view(tile="1h")),
    (lambda: view(), lambda: view(m=agg.count())),
    (lambda: view(q=agg.quantile("size", 0.5)), lambda: view(q=agg.quantile("size", 0.9))),
    (lambda: view(q=agg.histogram("size", [1])), lambda: view(q=agg.histogram("size", [2]))),
    (lambda: view(where=lambda p: p.size > 1), lambda: view(where=lambda p: p.size > 2)),
    (lambda: view(where=closing(1)), lambda: view(where=closing(2))),
    (lambda: view(where=closing({"a": 1})), lambda: view(where=closing({"a": 2}))),
    (lambda: view(where=functools.partial(max, 1)), lambda: view(where=functools.partial(max, 2))),
]


def closing(value: Any) -> Any:
    return lambda page: page.size == value


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_definitions_have_equal_fingerprints(one: Any, other: Any) -> None:
    assert one().fingerprint == other().fingerprint


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_definitions_have_different_fingerprints(one: Any, other: Any) -> None:
    assert one().fingerprint != other().fingerprint


def test_every_process_finds_the_same_fingerprint(tmp_path: Path) -> None:
    """Sets are ordered, and objects placed, differently in each; a batch process and a service must agree."""
    path = tmp_path / "app.py"
    path.write_text(
        "import functools, re\n"
        "from pydantic import BaseModel\n"
        "from anabranch import App, agg\n"
        "class Page(BaseModel):\n    url: str\n"
        "app = App('pages')\n"
        "pages = app.stream('pages', Page)\n"
        "STOP = {'the', 'a', 'of', 'and'}\n"
        "class Test:\n    def __init__(self): self.words = {'x', 'y', 'z'}\n"
        "    def __call__(self, page): return page.url in self.words\n"
        "def usual(page, words=frozenset(['q', 'r', 's'])): return page.url in STOP or page.url in words\n"
        "app.view('a', of=pages, n=agg.count(where=lambda p: p.url in {'a', 'b', 'c'}), where=usual)\n"
        "app.view('b', of=pages, by=functools.partial(usual, words={'k', 'l'}), n=agg.count(where=Test()))\n"
    )
    script = (
        "import sys; from anabranch import load_app\n"
        "print([v.fingerprint for v in load_app(sys.argv[1]).views.values()])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(found) == 1, found
