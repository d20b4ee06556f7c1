"""The state of the speed layer: epochs that join, and whom models have as their champion."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import App, Cut
from eventlog.decisions import Champions, Publication
from speed.fold import apply
from speed.state import Epoch, SpeedState, champion_of
from tests.speed.conftest import make_app, ride, segment
from tests.speed.learning.learner_world import FixedLayer
from tests.speed.learning.learner_world import make_app as make_learning_app

RIDES = st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 9), st.integers(0, 3)), max_size=10)


def folded(app: App, rides: list[tuple[str, int, int]]) -> Epoch:
    state = SpeedState()
    for offset, (station, minutes, hour) in enumerate(rides):
        apply(state, segment(offset, "rides", [ride(station, float(minutes), hour)], hour), app, lambda _: True)
    return state.epochs[0]


def presented(app: App, epoch: Epoch) -> dict[str, object]:
    return {
        name: {
            key: {start: view.present(cells) for start, cells in by_start.items()}
            for key, by_start in epoch.tiles.get(name, {}).items()
        }
        for name, view in app.views.items()
    }


@given(RIDES, RIDES)
def test_epochs_that_join_hold_what_one_would(
    earlier: list[tuple[str, int, int]], later: list[tuple[str, int, int]]
) -> None:
    app = make_app(keep="99d")
    epoch, other = folded(app, earlier), folded(app, later)
    epoch.join(other, app)
    assert presented(app, epoch) == presented(app, folded(app, earlier + later))


def test_the_state_behind_a_publication_begins_where_that_ends() -> None:
    publication = Publication(7, Cut((40,)), "digest", "run", {})
    champions = {"minutes": Champions((7,))}
    state = SpeedState.after(publication, champions)
    assert (state.cut, state.publication, state.champions) == (Cut((40,)), publication, champions)
    assert [(epoch.start, epoch.run, epoch.tiles) for epoch in state.epochs] == [(Cut((40,)), None, {})]


def test_states_share_nothing_from_the_beginning(app: App) -> None:
    one, other = SpeedState(), SpeedState()
    apply(one, segment(0, "rides", [ride()]), app, lambda _: True)
    assert other == SpeedState() == deepcopy(other)


@pytest.mark.parametrize(
    ("available", "so_far", "expected"),
    [
        ((1, 2, 3), (1, 2, 3), 3),
        ((1, 2), (1, 2, 3), 2),  # the newest cannot be used: the one before it serves
        ((1,), (1, 3, 2), 1),
        ((3,), (1, 2), None),
        ((), (1, 2), None),
        ((1, 2), (), None),
    ],
)
def test_the_champion_is_the_newest_that_can_be_used(
    available: tuple[int, ...], so_far: tuple[int, ...], expected: int | None
) -> None:
    model = make_learning_app().models["minutes"]
    found = champion_of(FixedLayer(*available), model, Champions(so_far))
    assert (None if found is None else found.version) == expected
