"""Names that would not work somewhere are refused at load, and the others work."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, create_model

from anabranch import App, DefinitionError, agg


class Sale(BaseModel):
    order: str
    product: str
    k1: str = ""
    n__sum: str = ""
    price: float = 0.0


def app_with(*views: str) -> App:
    app = App("shop")
    sales = app.stream("sales", Sale, id="order")
    for name in views:
        app.view(name, of=sales, by="product", n=agg.count())
    return app


def refusal(define: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        define()
    return str(caught.value)


@pytest.mark.parametrize("views", [("orders", "orders_batch"), ("orders_batch", "orders"), ("Orders", "ORDERS_batch")])
def test_two_views_of_which_one_is_called_like_the_batch_part_of_the_other_are_refused(views: tuple[str, str]) -> None:
    told = refusal(lambda: app_with(*views))
    assert f"view_{max(views, key=len)} would be both" in told
    assert repr(min(views, key=len)) in told or f"view {views[1]!r}" in told


def test_a_view_may_be_called_batch_and_like_relations_that_others_have() -> None:
    names = ["orders_batch", "orders_at", "batch", "predictions", "generations", "events_sales", "view_x", "models"]
    assert list(app_with(*names).views) == names


@pytest.mark.parametrize(("one", "other"), [("usage", "Usage"), ("straße", "STRASSE"), ("é", "É")])
def test_names_that_differ_only_in_case_are_refused(one: str, other: str) -> None:
    assert f"view {other!r}: differs from {one!r} only in case" in refusal(lambda: app_with(one, other))
    model = create_model("Thing", **{one: (int, ...), other: (int, ...)})  # type: ignore[call-overload]  # names by name
    assert f"fields {one!r} and {other!r} differ" in refusal(lambda: App("x").stream("things", model))


@pytest.mark.parametrize("name", ["ﬁlms", "e\u0301", "x²"])
def test_a_name_that_python_would_read_otherwise_is_refused(name: str) -> None:
    told = refusal(lambda: app_with(name))
    assert "Write '" in told or "not a usable name" in told


def test_a_name_too_long_for_files_is_refused() -> None:
    assert "the name has 151 bytes. Take one of at most 150" in refusal(lambda: app_with("a" * 151))
    assert "the name has 152 bytes" in refusal(lambda: app_with("é" * 76))
    assert list(app_with("é" * 75).views) == ["é" * 75]


def test_columns_that_would_be_one_are_refused() -> None:
    app = app_with()
    sales = app.streams["sales"]
    told = refusal(lambda: app.view("x", of=sales, by=("order", "product"), k1=agg.mean("price")))
    assert "aggregate 'k1': the name is taken by the column of key field 'product'" in told
    assert app.view("x", of=sales, by="product", k1=agg.mean("price")).key_fields == ("product",)
    told = refusal(lambda: app.view("y", of=sales, by="n__sum", n=agg.mean("price")))
    assert "key field 'n__sum' is called like a column in which it keeps its state" in told
    assert app.view("y", of=sales, by="n__sum", m=agg.mean("price")).key_fields == ("n__sum",)


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "a\x7fb"])
def test_a_field_that_is_no_plain_text_is_refused(name: str) -> None:
    model = create_model("Thing", **{name: (int, ...)})  # type: ignore[call-overload]  # names by name
    assert "is no plain text" in refusal(lambda: App("x").stream("things", model))
