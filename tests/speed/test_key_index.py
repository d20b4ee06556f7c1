"""The index of keys says what sorting all keys of all epochs says, however keys came and went."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App, Cut, agg
from anabranch.view import Key, key_order
from speed.key_index import KeyIndex
from speed.state import Epoch, SpeedState


class Ride(BaseModel):
    station: str | None
    bike: int


app = App("rides")
view = app.view("rides", of=app.stream("rides", Ride), by=("station", "bike"), n=agg.count())
keys = st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 40))
steps: st.SearchStrategy[tuple[str, list[Key]]] = st.one_of(
    st.tuples(st.just("put"), st.lists(keys, max_size=30)),
    st.tuples(st.just("expire"), st.lists(keys, max_size=10)),
    st.tuples(st.sampled_from(["open", "join", "publish", "look"]), st.just([])),
)


def step(state: SpeedState, what: str, these: list[Key]) -> None:
    """What the fold does to the epochs."""
    newest = state.epochs[-1]
    if what == "put":
        for key in these:
            newest.tiles.setdefault("rides", {}).setdefault(key, {0: [1]})
    elif what == "expire":
        for epoch in state.epochs:
            for key in these:
                if epoch.tiles.get("rides", {}).pop(key, None) is not None:
                    epoch.removed_keys["rides"] += 1
    elif what == "open":
        state.epochs.append(Epoch(Cut((len(state.epochs),))))
    elif what == "join" and len(state.epochs) > 1:
        later = state.epochs.pop()
        state.epochs[-1].join(later, app)
    elif what == "publish":
        state.epochs = state.epochs[-1:]


def plainly(state: SpeedState, asked: dict[str, Any], behind: Key | None) -> list[Key]:
    known = {key for epoch in state.epochs for key in epoch.tiles.get("rides", {})}
    fields = dict(zip(view.key_fields, range(2), strict=True))
    found = [key for key in known if all(key[fields[name]] == value for name, value in asked.items())]
    return sorted(
        (key for key in found if behind is None or key_order(key) >= key_order(behind)),
        key=key_order,
    )


@given(
    st.lists(steps, max_size=12),
    st.dictionaries(st.sampled_from(["station", "bike"]), st.just(None), max_size=1),
    keys,
    st.booleans(),
)
def test_the_keys_that_are_wanted_come_in_order(
    log: list[tuple[str, list[Key]]], asked: dict[str, Any], key: Key, paged: bool
) -> None:
    state, index = SpeedState(), KeyIndex(view)
    wanted = {name: key[view.key_fields.index(name)] for name in asked}
    place = (key, 0) if paged else None
    for what, these in log:
        step(state, what, these)
        if what != "look":
            continue
        index.add(index.take_new(state))
        assert still_there(index, state, wanted, place) == plainly(state, wanted, key if paged else None)
    index.add(index.take_new(state))
    assert still_there(index, state, wanted, place) == plainly(state, wanted, key if paged else None)


def still_there(index: KeyIndex, state: SpeedState, asked: dict[str, Any], place: Any) -> list[Key]:
    """What the index says, without the keys that went."""
    found = list(index.wanted(asked, place))
    return [key for key in found if any(key in epoch.tiles.get("rides", {}) for epoch in state.epochs)]


def test_only_keys_that_are_new_are_looked_at_again() -> None:
    state, index = SpeedState(), KeyIndex(view)
    step(state, "put", [("a", number) for number in range(5_000)])
    assert len(index.take_new(state)) == 5_000
    assert index.take_new(state) == []
    step(state, "put", [("b", 1), ("a", 1)])
    assert index.take_new(state) == [("b", 1)]


def test_very_many_keys_come_in_order_from_any_place() -> None:
    state, index = SpeedState(), KeyIndex(view)
    step(state, "put", [("abc"[number % 3], -number) for number in range(20_000)])
    index.add(index.take_new(state))
    found = list(index.wanted({}, (("b", -10_000), 0)))
    assert found == plainly(state, {}, ("b", -10_000))
    assert list(index.wanted({"station": "c"}, None)) == plainly(state, {"station": "c"}, None)
