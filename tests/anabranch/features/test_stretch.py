"""A stretch is read as it stands before any of its events; the layer stays as it was, and borders do not matter."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Events, agg
from anabranch.features.fold import fold
from anabranch.features.lookups import Lookups
from anabranch.features.stretch import Stretch
from anabranch.view import Tiles

HOUR = 3_600_000_000


class Sale(BaseModel):
    shop: str
    amount: float
    kind: str = "a"


def market() -> App:
    app = App("market")
    sales = app.stream("sales", Sale)
    app.view(
        "hourly", of=sales, by="shop", tile="1h", keep="4h",
        n=agg.count(), sum=agg.sum("amount"), mean=agg.mean("amount"), kinds=agg.top("kind", 2),
    )  # fmt: skip
    app.view(
        "ever", of=sales, by=lambda s: [s.shop, "all"], last=agg.last("amount"), median=agg.quantile("amount", 0.5)
    )
    app.view("large", of=sales, by="shop", where=lambda s: s.amount > 5, kinds=agg.collect("kind"))

    @app.model("amount", on=sales, label="amount", task="regression", batch=object, speed=object)
    def features(sale: Sale, views: Any) -> dict[str, Any]:
        recent, kept = views.hourly(shop=sale.shop, last="2h"), views.hourly(shop=sale.shop)
        ever = views.ever(key="all")
        return {
            "n": recent.n, "sum": recent.sum, "mean": kept.mean, "kinds": str(kept.kinds), "last": ever.last,
            "median": ever.median, "large": str(views.large(shop=sale.shop).kinds),
        }  # fmt: skip

    return app


sales = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.floats(-10, 10).map(lambda amount: round(amount, 3)),
        st.sampled_from("xyz"),
        st.integers(0, 8 * HOUR),  # late ones and early ones, across what `keep` hides
    ),
    min_size=1,
    max_size=30,
)


def events_of(app: App, rows: list[Any], offset: int = 0) -> Events:
    data = [{"shop": shop, "amount": amount, "kind": kind} for shop, amount, kind, _ in rows]
    return Events(app.streams["sales"], 0, offset, [time for *_, time in rows], orjson.dumps(data))


def folded(app: App, rows: list[Any], borders: list[int]) -> tuple[list[Any], dict[str, Tiles]]:
    """The features and the tiles of a log that is folded in stretches with these borders."""
    tiles: dict[str, Tiles] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, None, [tiles], watermarks)
    views, models = list(app.views.values()), list(app.models.values())
    found: list[Any] = []
    edges = [0, *borders, len(rows)]
    for start, stop in pairwise(edges):
        if start < stop:
            events = events_of(app, rows[start:stop], start)
            found += fold(views, models, tiles, lookups, watermarks, events)[0]["amount"]
    return found, tiles


@given(sales, st.data())
def test_the_borders_of_stretches_never_change_features_or_tiles(rows: list[Any], data: st.DataObject) -> None:
    borders = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    app = market()
    one_by_one = folded(app, rows, list(range(len(rows))))
    assert all(isinstance(features, dict) for features in one_by_one[0])
    assert folded(app, rows, borders) == one_by_one
    plain: dict[str, Tiles] = {}
    for view in app.views.values():
        view.fold(plain.setdefault(view.name, {}), events_of(app, rows))
    assert one_by_one[1] == plain


@given(sales, sales, st.data())
def test_the_tiles_before_an_event_do_not_depend_on_what_was_asked_before(
    before: list[Any], rows: list[Any], data: st.DataObject
) -> None:
    app = market()
    _, layer = folded(app, before, [])
    views = list(app.views.values())
    stretch = Stretch.of(views, events_of(app, rows, len(before)), layer, None)
    kept = copy.deepcopy(layer)
    for view in views:
        touched = stretch.touched[view.name]
        for number in data.draw(st.lists(st.integers(0, len(touched.contributions)), max_size=6)):
            again = Stretch.of([view], events_of(app, rows, len(before)), kept, None).touched[view.name]
            assert touched.before(number) == again.before(number)
    assert layer == kept, "reading changes nothing"
    stretch.fold()
    for view in views:
        view.fold(kept[view.name], events_of(app, rows, len(before)))
    assert layer == kept


class Interrupted(BaseException):
    """What no features function may catch."""


def test_a_fold_that_is_interrupted_has_changed_nothing_and_can_be_done_again() -> None:
    app = market()
    rows = [("A", 1.5, "x", 0), ("A", 2.5, "y", HOUR), ("A", 3.5, "z", 10)]
    tiles: dict[str, Tiles] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, None, [tiles], watermarks)
    views, models = list(app.views.values()), list(app.models.values())
    first = fold(views, models, tiles, lookups, watermarks, events_of(app, rows))
    kept, marks = copy.deepcopy(tiles), dict(watermarks)

    class Breaks(list[int]):
        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise Interrupted
            return super().__getitem__(index)

    broken = events_of(app, rows, 3)
    broken.times = Breaks(broken.times)
    with pytest.raises(Interrupted):
        fold(views, models, tiles, lookups, watermarks, broken)
    assert (tiles, watermarks) == (kept, marks)
    second = fold(views, models, tiles, lookups, watermarks, events_of(app, rows, 3))
    assert [*first[0]["amount"], *second[0]["amount"]] == folded(app, [*rows, *rows], [3])[0]


def test_what_was_seen_before_the_clock_began_is_hidden_as_soon_as_keep_says_so() -> None:
    rows = [("A", 1.0, "x", 0), ("B", 2.0, "x", 10 * HOUR), ("A", 3.0, "x", 1)]
    for borders in ([], [1], [1, 2]):
        features, _ = folded(market(), rows, borders)
        assert [found["mean"] for found in features] == [None, None, None]
        assert features[2]["n"] == 0
