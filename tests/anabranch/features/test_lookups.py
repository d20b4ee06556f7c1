"""Views as a features function asks for them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, Events, agg
from anabranch.errors import ViewLookupError
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
