"""How much the epochs hold: counted where it is little, estimated where it is much, and nobody held up for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from anabranch import App, Cut
from speed.epoch_sizes import EpochSize, deep_bytes, sizes_by_view
from speed.fold import apply
from speed.state import Epoch, SpeedState
from tests.speed.conftest import ride, segment

HOUR = 3_600_000_000


def state_of(app: App, keys: int, tiles_each: int = 1) -> SpeedState:
    state = SpeedState()
    for hour in range(tiles_each):
        rides = [ride(f"station {number}", hour=hour) for number in range(keys)]
        apply(state, segment(state.cut.offsets[0], "rides", rides, hour), app, lambda _: True)
    return state


class Held:
    """Counts how often the state is held, and never twice at once."""

    def __init__(self, state: SpeedState):
        self.state = state
        self.times = 0
        self._is_held = False

    @contextmanager
    def __call__(self) -> Iterator[SpeedState]:
        assert not self._is_held
        self._is_held, self.times = True, self.times + 1
        yield self.state
        self._is_held = False


def sizes(app: App, state: SpeedState, counted: int = 10_000, spread: int = 2_000) -> dict[str, EpochSize]:
    return sizes_by_view(app.views, Held(state), counted, spread)


def test_few_keys_are_counted_in_every_epoch(app: App) -> None:
    state = state_of(app, 30, tiles_each=3)
    state.epochs.append(Epoch(state.cut))
    apply(state, segment(state.cut.offsets[0], "rides", [ride("station 0"), ride("new")]), app, lambda _: True)
    found = sizes(app, state)
    assert (found["hourly"].keys, found["hourly"].tiles) == (32, 92)
    assert (found["ever"].keys, found["ever"].tiles) == (32, 32)
    assert all(size.bytes > 92 * 8 for size in found.values())


def test_an_estimate_is_what_would_be_counted_where_keys_are_alike(app: App) -> None:
    state = state_of(app, 700, tiles_each=4)
    counted, estimated = sizes(app, state), sizes(app, state, counted=100, spread=50)
    for name in app.views:
        assert estimated[name].keys == counted[name].keys == 700
        assert estimated[name].tiles == pytest.approx(counted[name].tiles, rel=0.02)
        assert estimated[name].bytes == pytest.approx(counted[name].bytes, rel=0.1)


def test_the_estimate_of_bytes_is_near_what_the_tiles_consist_of(app: App) -> None:
    state = state_of(app, 200, tiles_each=2)
    for name, size in sizes(app, state).items():
        assert size.bytes == pytest.approx(deep_bytes(state.epochs[0].tiles[name]), rel=0.25)


def test_an_empty_epoch_holds_nothing(app: App) -> None:
    assert sizes(app, SpeedState()) == {name: EpochSize() for name in app.views}


def test_the_state_is_let_go_between_one_view_and_the_next(app: App) -> None:
    state = state_of(app, 5)
    state.epochs.append(Epoch(Cut((5,))))
    held = Held(state)
    sizes_by_view(app.views, held)
    assert held.times == 1 + len(app.views) * len(state.epochs)


def test_each_object_counts_once_with_all_that_it_consists_of() -> None:
    text = "x" * 1000
    assert deep_bytes([text, text]) == sys.getsizeof([1, 2]) + sys.getsizeof(text)
    inner: list[object] = [1000]
    assert deep_bytes({"a": (inner, {2000})}) == sum(
        map(sys.getsizeof, ({"a": 1}, "a", (1, 2), [1], 1000, {2000}, 2000))
    )
    inner.append(inner)
    assert deep_bytes(inner) == sys.getsizeof(inner) + sys.getsizeof(1000), "a cycle ends"
    assert deep_bytes(None) == 0
