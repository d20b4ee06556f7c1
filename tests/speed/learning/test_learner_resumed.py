"""A learner from a checkpoint goes on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anabranch import Cut
from speed.checkpoint import Checkpoints
from speed.learning.learner import Learner
from tests.home_key import KEY
from tests.speed.learning.learner_world import Cautious, World, linear, make_app, mean, ride


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("stop", [1, 7, 40, 99])
def test_stopped_anywhere_and_gone_on_it_is_the_same_to_the_bit(later: bool, stop: int, tmp_path: Path) -> None:
    app = make_app(lambda: {"linear": linear(), "mean": mean()}, later=later)
    data: list[tuple[str, dict[str, Any]]] = []
    for i in range(100):
        data.append(("rides", ride((i * 37 % 50) / 7, i / 3 + 0.1, i % 3, f"r{i}")))
        if later and i % 2:
            data.append(("landings", {"ride": f"r{i - 1}", "at": "1970-01-01T01:00:00Z", "minutes": i / 3}))
    straight, stopped = World(app, 1), World(app, 1)
    for number, (stream, item) in enumerate(data):
        if number == stop:
            checkpoints = Checkpoints(tmp_path, KEY)
            loaded = checkpoints.load(checkpoints.save(stopped.state, app), app)
            stopped = World(app, 1)
            stopped.resume(loaded)
        for world in (straight, stopped):
            if number == 5:
                world.publish(1, minutes=1)
            world.append(stream, item)
    assert stopped.report == straight.report
    assert stopped.learner.state()["blend"] == straight.learner.state()["blend"]
    asked = [world.learner.ask({"x": 1.0}, None, Cut()) for world in (straight, stopped)]
    assert asked[0].parts == asked[1].parts


def test_a_learner_of_another_definition_is_not_taken_from_a_checkpoint(tmp_path: Path) -> None:
    world = World(make_app(linear))
    world.append("rides", ride(1, 4.0))
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(world.state, world.app)
    assert list(checkpoints.load(path, make_app(linear)).learners) == ["minutes"]
    assert checkpoints.load(path, make_app(mean)).learners == {}


def test_an_application_may_bring_a_blend_of_its_own(tmp_path: Path) -> None:
    app = make_app(blend=Cautious)
    world = World(app, 1)
    world.publish(1, minutes=1)
    world.append("rides", *(ride(i, float(i)) for i in range(10)))
    assert world.report["weights"] == {"batch": 0.5, "speed": 0.5}
    checkpoints = Checkpoints(tmp_path, KEY)
    loaded = checkpoints.load(checkpoints.save(world.state, app), app)
    assert loaded.learners["minutes"].blend.state() == world.learner.blend.state()


def test_a_learner_of_a_release_that_kept_its_champions_itself_leaves_them_to_the_decisions() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)
    kept = world.learner.state() | {"champions": [7, 8]}
    restored = Learner.restore(world.app.models["minutes"], kept)
    assert (restored.champion, restored.predictor) == (None, None)  # until the state says who it is
    assert "champions" not in restored.state()
