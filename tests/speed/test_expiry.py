from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from anabranch import App
from speed.expiry import PIECE_KEYS, Expiry
from speed.fold import apply
from speed.state import SpeedState
from tests.speed.conftest import ride, segment

HOUR = 3_600_000_000


def folded(app: App, *hours: int) -> SpeedState:
    state = SpeedState()
    for offset, hour in enumerate(hours):
        apply(state, segment(offset, "rides", [ride(hour=hour)], hour), app, lambda _: True)
    return state


def test_expired_tiles_are_forgotten_and_others_stay(app: App) -> None:
    state = folded(app, 0, 1, 2, 3, 4)
    assert Expiry(app).drop_expired(state, nullcontext) == 2
    assert sorted(state.epochs[0].tiles["hourly"][("A",)]) == [h * HOUR for h in (2, 3, 4)]


def test_nobody_waits_for_more_than_a_piece(app: App) -> None:
    state = SpeedState()
    stations = [ride(f"station {number}") for number in range(2 * PIECE_KEYS + 1)]
    apply(state, segment(0, "rides", stations), app, lambda _: True)
    apply(state, segment(len(stations), "rides", [ride(hour=9)], 9), app, lambda _: True)
    left: list[int] = []

    @contextmanager
    def changing() -> Iterator[None]:
        yield
        left.append(len(state.epochs[0].tiles["hourly"]))

    assert Expiry(app).drop_expired(state, changing) == len(stations)
    assert left == [PIECE_KEYS + 2, 2, 1]
    assert state.epochs[0].removed_keys["hourly"] == len(stations)


def test_tiles_are_looked_at_again_only_when_another_can_have_expired(app: App) -> None:
    expiry, state = Expiry(app), folded(app, 0, 4)
    assert expiry.drop_expired(state, nullcontext) == 1
    apply(state, segment(2, "rides", [ride(hour=1)], 1), app, lambda _: True)  # it comes so late that it is hidden
    assert expiry.drop_expired(state, nullcontext) == 0
    apply(state, segment(3, "rides", [ride(hour=5)], 5), app, lambda _: True)
    assert expiry.drop_expired(state, nullcontext) == 1
