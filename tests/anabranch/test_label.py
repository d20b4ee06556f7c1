"""The rule by which a label belongs to an example: the same in Python and in SQL, the limits included."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, DefinitionError, Label
from anabranch.label import join_text


class Click(BaseModel):
    impression: str
    of: int = 0
    clicked: bool


clicks = App("ads").stream("clicks", Click)
label = Label(clicks, field="clicked", join=("id", "of"), within="1ms")
WITHIN = 1_000
TIMES = st.integers(-(2**52), 2**52)
NEAR = st.integers(-WITHIN - 2, WITHIN + 2)


@given(TIMES, NEAR)
def test_python_and_sql_agree_on_what_is_in_time_and_closed(example: int, distance: int) -> None:
    other = example + distance
    query = f"SELECT {label.in_time_sql('e', 'l')}, {label.closed_sql('e', other)} FROM (SELECT ? AS e, ? AS l)"
    found = CONNECTION.execute(query, [example, other]).fetchone()
    assert found == (label.is_in_time(example, other), other > label.closes_us(example))


@pytest.mark.parametrize(("distance", "is_"), [(0, True), (WITHIN, True), (WITHIN + 1, False)])
def test_the_span_ends_just_after_its_last_moment_on_either_side(distance: int, is_: bool) -> None:
    assert label.is_in_time(0, distance) is label.is_in_time(0, -distance) is is_


def test_a_label_is_remembered_as_long_as_an_open_example_may_come_for_it() -> None:
    oldest_open = label.forgotten_us(0) - WITHIN  # at that moment of the clock
    assert label.is_in_time(oldest_open, 0)
    assert not label.is_in_time(oldest_open + 1, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"field": "seen"}, "'seen' is not a field of clicks"),
        ({"join": "id"}, "'id' is not a field of clicks"),
        ({"join": ("id", "nowhere")}, "'nowhere' is not a field of clicks"),
        ({"join": 5}, "join=5 names no fields"),
        ({"join": ("id", "of", "x")}, "names no fields"),
        ({"within": "soon"}, "within='soon' is no duration"),
        ({"stream": "clicks"}, "'clicks' is not a stream"),
    ],
)
def test_a_label_that_cannot_be_is_refused_where_it_is_written(arguments: dict[str, object], message: str) -> None:
    given_ = {"stream": clicks, "field": "clicked", "join": "impression", "within": "1h", **arguments}
    with pytest.raises(DefinitionError, match=message):
        Label(given_.pop("stream"), **given_)  # type: ignore[arg-type]  # that they are wrong is the point


def test_one_join_key_has_one_text_whatever_its_type() -> None:
    assert (join_text(0), join_text(""), join_text(None)) == ("0", "", None)


CONNECTION = duckdb.connect()
