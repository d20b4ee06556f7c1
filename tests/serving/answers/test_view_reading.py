"""A view is read at one cut, whatever is published meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from anabranch import View
from serving.answers.selection import LIMIT_DEFAULT, ViewQuery
from serving.answers.view_reading import Reading, ViewReader, is_quick
from speed.reader import SpeedTiles
from speed.state import SpeedState
from speed.still_reader import StillReader
from tests.serving.conftest import Home, app, publish, rental

USAGE, RIDERS, HOUR = app.views["usage"], app.views["riders"], 3_600_000_000


def counts(reading: Reading, view: View = USAGE) -> dict[str, int]:
    return {key[0]: view.present(cells)["rentals"] for key, _, cells in reading.rows}


def query(**more: Any) -> ViewQuery:
    return ViewQuery({}, **more)


def caught_up(home: Home) -> ViewReader:
    home.consumer.reader.when_past(home.service.log.end()).result(20)
    return ViewReader(home.consumer.reader, home.service.generations)


def test_the_layers_are_parts_of_the_merged_answer_at_one_cut(home: Home) -> None:
    home.post(rental(1), rental(2), rental(3, "b"))
    publish(home)
    home.post(rental(4), rental(5, "c"))
    reader = caught_up(home)
    found = {layer: reader.read(USAGE, query(layer=layer)) for layer in ("batch", "speed", "merged")}
    assert counts(found["batch"]) == {"a": 2, "b": 1}
    assert counts(found["speed"]) == {"a": 1, "c": 1}
    assert counts(found["merged"]) == {"a": 3, "b": 1, "c": 1}
    assert {reading.cut for reading in found.values()} == {home.service.log.end()}
    assert {None if r.publication is None else r.publication.generation for r in found.values()} == {1}


class PublishedMeanwhile(StillReader):
    """A fold that meets a publication between two looks of a reader."""

    def __init__(self, before: SpeedState, after: SpeedState):
        super().__init__(app, before)
        self._after = after
        self.asked = 0

    def tiles(self, *arguments: Any, **options: Any) -> SpeedTiles | None:
        self.asked += 1
        self._state = self._after
        return super().tiles(*arguments, **options)


def test_who_reads_while_a_generation_is_published_asks_again_and_counts_nothing_twice(home: Home) -> None:
    home.post(rental(1), rental(2))
    caught_up(home)
    with home.consumer.reader.holding() as state:
        before = replace(state, epochs=list(state.epochs))
    publish(home)
    caught_up(home)
    with home.consumer.reader.holding() as state:
        after = replace(state, epochs=list(state.epochs))
    assert (before.publication, after.publication is not None) == (None, True)
    speed = PublishedMeanwhile(before, after)
    reading = ViewReader(speed, home.service.generations).read(USAGE, query())
    assert counts(reading) == {"a": 2}
    assert reading.publication == after.publication
    assert speed.asked == 2


def test_pages_join_to_the_whole(make_home: Callable[..., Home]) -> None:
    home = make_home()
    home.post(*(rental(n, station=f"s{n % 7}", rider=f"r{n % 3}") for n in range(60)))
    publish(home)
    home.post(*(rental(n, station=f"s{n % 5}", rider=None if n % 2 else "r9") for n in range(60, 100)))
    reader = caught_up(home)
    whole = reader.read(RIDERS, query()).rows
    pages, place = [], None
    while True:
        page = reader.read(RIDERS, query(limit=4, place=place))
        pages += page.rows
        if page.next is None:
            break
        place = page.rows[-1][0], page.rows[-1][1]
        assert len(page.rows) == 4
    assert [(key, RIDERS.present(cells)) for key, _, cells in pages] == [
        (key, RIDERS.present(cells)) for key, _, cells in whole
    ]


@pytest.mark.parametrize(
    ("view", "asked", "quick"),
    [
        (USAGE, ViewQuery({}), False),  # all keys
        (USAGE, ViewQuery({"station": "a"}), True),
        (USAGE, ViewQuery({"station": "a"}, limit=LIMIT_DEFAULT + 1), False),
        (USAGE, ViewQuery({"station": "a"}, group="total"), False),  # of any number of tiles
        (USAGE, ViewQuery({"station": "a"}, group="total", last_us=LIMIT_DEFAULT * HOUR), True),
        (USAGE, ViewQuery({"station": "a"}, group="total", last_us=LIMIT_DEFAULT * HOUR + 1), False),
        (USAGE, ViewQuery({"station": "a"}, group="total", start=0, end=HOUR), True),
        (USAGE, ViewQuery({"station": "a"}, group="total", start=0), False),
        (RIDERS, ViewQuery({"station": "a"}), False),  # one of two key fields
        (RIDERS, ViewQuery({"station": "a", "rider": None}, group="total"), True),
    ],
)
def test_only_what_takes_a_few_lookups_is_answered_without_a_thread(view: View, asked: ViewQuery, quick: bool) -> None:
    assert is_quick(view, asked) is quick
