"""Learners before they have met an event, wherever in the log they begin."""

from __future__ import annotations

from speed.learners import new_learners
from tests.speed.learning.learner_world import World, hours, make_app, ride


def test_an_application_without_models_has_no_learners() -> None:
    app = make_app(later=True)
    app.models.clear()
    assert new_learners(app) == {}


def test_what_came_too_late_for_others_comes_too_late_for_a_learner_that_begins_anew() -> None:
    """Its clock counts events of both streams that it never met: a recovery must not set it back."""
    app = make_app(later=True)
    seen = ride(0.0, hour=9)["at"], ride(0.0, hour=10)["at"]
    watermarks = dict(zip(("rides", "landings"), map(hours, seen), strict=True))
    for hour, waiting in ((0, 0), (9, 1)):  # a label may come within two hours
        world = World(app)
        world.state.learners = new_learners(app, watermarks)
        world.append("rides", ride(0.0, hour=hour, name="r"))
        join = world.learner.join
        assert join is not None
        assert join.pending == waiting
