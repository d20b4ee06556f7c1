"""Views as a features function asks for them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, Events, agg
from anabranch.errors import LayerUnreadableError, ViewLookupError
from anabranch.features.fold import fold
from anabranch.features.lookups import Lookups, Views

NAMES = ("now", "index", "pending", "base", "layers", "newest", "clock", "views", "reading", "begin")
"""Words that the engine below uses itself: a view may be called so all the same."""


class Sale(BaseModel):
    self: str
    amount: int


def test_a_view_may_have_any_name_and_a_key_field_too() -> None:
    app = App("shop")
    sales = app.stream("sales", Sale)
    for name in NAMES:
        app.view(name, of=sales, by="self", sales=agg.count())

    @app.model("amount", on=sales, label="amount", task="regression", batch=object, speed=object)
    def features(sale: Sale, views: Any) -> dict[str, Any]:
        return {name: getattr(views, name)(self=sale.self).sales for name in NAMES}

    events = Events(sales, 0, 0, [1, 2, 3], orjson.dumps([{"self": "a", "amount": n} for n in range(3)]))
    tiles: dict[str, Any] = {}
    lookups = Lookups(app.views, None, [tiles], {})
    frozen, failures = fold(list(app.views.values()), list(app.models.values()), tiles, lookups, {}, events)

    assert failures == {}
    assert frozen["amount"] == [dict.fromkeys(NAMES, n) for n in range(3)]


def test_a_view_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ViewLookupError, match="there is no view 'use'; the application has: usage, riders"):
        _ = Views({"usage": None, "riders": None}).use  # type: ignore[dict-item]
    with pytest.raises(ViewLookupError, match="the application has: none"):
        _ = Views({}).usage


@pytest.mark.parametrize("swallows", [True, False])
def test_a_layer_that_cannot_be_read_is_no_fault_of_the_event_whatever_the_function_makes_of_it(swallows: bool) -> None:
    app = App("shop")
    sales = app.stream("sales", Sale)
    view = app.view("sold", of=sales, by="self", n=agg.count())

    @app.model("amount", on=sales, label="amount", task="regression", batch=object, speed=object)
    def features(sale: Sale, views: Any) -> dict[str, Any]:
        try:
            return {"n": views.sold(self=sale.self).n}
        except OSError:
            if swallows:
                return {"n": -1}
            raise

    is_away = [True]

    def base(view: Any, key: Any, first: int | None) -> dict[int, Any]:
        if is_away[0] and key == ("b",):
            raise OSError("the disk does not answer")
        return {0: [40]}

    events = Events(sales, 0, 0, [1, 2, 3], orjson.dumps([{"self": name, "amount": 1} for name in "aba"]))
    tiles: dict[str, Any] = {}
    watermarks: dict[str, int] = {}
    lookups = Lookups(app.views, base, [tiles], watermarks)
    parts = [view], list(app.models.values()), tiles, lookups, watermarks, events
    for _ in range(2):
        with pytest.raises(LayerUnreadableError, match="the disk does not answer"):
            fold(*parts)
        assert (tiles.get("sold", {}), watermarks) == ({}, {})
    is_away[0] = False
    frozen, _ = fold(*parts)
    assert frozen["amount"] == [{"n": 40}, {"n": 40}, {"n": 41}]
