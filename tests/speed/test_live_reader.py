from __future__ import annotations

import threading

import pytest

from anabranch import App, Cut
from speed.fold import apply
from speed.live_reader import LiveReader
from speed.reader import SpeedReader
from speed.state import SpeedState
from speed.still_reader import StillReader
from speed.tile_selection import TileSelection
from tests.speed.conftest import ride, segment

ALL = TileSelection(None, None, None, 1_000, total=False)


def folded(app: App, *stations: str) -> SpeedState:
    state = SpeedState()
    for station in stations:
        apply(state, segment(state.cut.offsets[0], "rides", [ride(station)]), app, lambda _: True)
    return state


def keys_of(reader: SpeedReader) -> list[str]:
    found = reader.tiles(reader.app.views["ever"], {}, None, lambda _: ALL, None)
    assert found is not None
    assert found.taken is not None
    return [key[0] for key, _ in found.taken.places]


def test_a_live_and_a_still_reader_answer_the_same(app: App) -> None:
    state = folded(app, "B", "A", "C")
    live = LiveReader(app, state, lambda: 0)
    still = StillReader(app, state)
    assert keys_of(live) == keys_of(still) == ["A", "B", "C"]
    assert live.moment() == still.moment()
    assert live.sizes()["ever"].keys == still.sizes()["ever"].keys == 3


def test_the_next_page_has_what_was_folded_meanwhile(app: App) -> None:
    live = LiveReader(app, folded(app, "B"), lambda: 0)
    assert keys_of(live) == ["B"]
    with live.changing() as state:
        apply(state, segment(1, "rides", [ride("A")]), app, lambda _: True)
    assert keys_of(live) == ["A", "B"]


def test_who_would_merge_with_another_generation_is_told_to_ask_again(app: App) -> None:
    from eventlog.decisions import Publication

    live = LiveReader(app, folded(app, "B"), lambda: 0)
    other = Publication(1, Cut((0,)), "", "r1")
    assert live.tiles(app.views["ever"], {}, None, lambda _: ALL, other) is None
    assert live.tiles(app.views["ever"], {"station": "B"}, None, lambda _: ALL, other) is None


def test_nobody_reads_while_the_state_changes(app: App) -> None:
    live = LiveReader(app, folded(app, "B"), lambda: 0)
    answered = threading.Event()

    def ask() -> None:
        live.moment()
        answered.set()

    asking = threading.Thread(target=ask)
    with live.changing():
        assert live.busy
        asking.start()
        assert not answered.wait(0.05)
    assert answered.wait(20)
    asking.join()


def test_a_change_that_raised_leaves_a_state_that_is_not_whole(app: App) -> None:
    live = LiveReader(app, folded(app, "B"), lambda: 0)
    with pytest.raises(ValueError, match="planted"), live.changing():
        raise ValueError("planted")
    assert not live.is_whole
    live.replace(SpeedState())
    assert live.is_whole
