"""Test, then train: what a learner does with examples, champions and drift."""

from __future__ import annotations

from typing import Any

import pytest
from river import linear_model

from anabranch import SYSTEM, Cut, DefinitionError
from eventlog.decisions import DriftDetected, FeatureSample
from speed.fold import SAMPLED
from speed.learning.learner import Learner
from tests.speed.learning.learner_world import World, make_app, mean, ride


def test_every_example_is_predicted_before_anybody_learns_from_it() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, 4.0), ride(0, 8.0), ride(0, 12.0))
    # the mean of the labels before: 0 (none yet), 4, 6; the champion says 10, clipped to the labels seen
    speed = [(0 - 4) ** 2, (4 - 8) ** 2, (6 - 12) ** 2]
    batch = [(10 - 4) ** 2, (4 - 8) ** 2, (8 - 12) ** 2]
    scores = world.report["scores"]
    assert scores["speed"] == {"loss": sum(speed) / 3, "recent": sum(speed) / 3, "count": 3}
    assert scores["batch"] == {"loss": sum(batch) / 3, "recent": sum(batch) / 3, "count": 3}
    assert scores["blend"]["count"] == 3


def test_without_a_champion_the_blend_is_the_speed_model_and_nobody_is_scored() -> None:
    world = World(make_app())
    world.append("rides", ride(0, 4.0), ride(0, 8.0))
    assert world.report["weights"] == {"speed": 1.0}
    assert world.report["scores"] == {}
    asked = world.learner.ask({"x": 0.0}, None, Cut())
    assert asked.answer(None).prediction == 6.0
    assert asked.predictor is None


def test_an_event_without_label_is_predicted_and_teaches_nobody() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, 4.0), ride(0, None), ride(0, 8.0))
    assert world.report["scores"]["blend"]["count"] == 2


def test_a_later_label_scores_the_prediction_that_was_made_then() -> None:
    world = World(make_app(later=True), 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, None, 0, "A"), ride(0, None, 0, "B"))
    world.append("landings", {"ride": "B", "at": "1970-01-01T01:00:00Z", "minutes": 4.0})
    world.append("landings", {"ride": "A", "at": "1970-01-01T01:00:00Z", "minutes": 8.0})
    # both were predicted before anything was known: 0 by the mean, 10 by the champion
    assert world.report["scores"]["speed"]["loss"] == (16 + 64) / 2
    assert world.report["scores"]["batch"]["loss"] == (36 + 4) / 2
    assert world.report["labels"]["joined"] == 2


def test_a_diverged_expert_is_clipped_out_weighted_counted_and_shown() -> None:
    app = make_app(lambda: linear_model.LinearRegression(intercept_lr=1e6))
    world = World(app, 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, 0.0), ride(0, 60.0), *(ride(1000.0 + i, 9.5 + i % 2) for i in range(1_500)))
    report = world.report
    assert report["diverged"] == {"batch": False, "speed": True}
    assert report["clipped"]["speed"] > 200
    assert report["weights"]["batch"] > 0.9
    assert report["scores"]["blend"]["recent"] < 1.1 * report["scores"]["batch"]["recent"]


def test_promotions_and_rollbacks_take_effect_at_their_place() -> None:
    world = World(make_app(), 1, 2, 3)
    world.publish(1, minutes=1)
    world.publish(2, minutes=2)
    world.publish(3)
    assert (world.learner.champion, world.learner.predictor.version) == (2, 2)  # type: ignore[union-attr]
    world.mark("model_promoted", 3)
    assert world.learner.champion == 3
    world.mark("model_rolled_back", 2)
    world.mark("model_rolled_back", 1)
    assert (world.learner.champion, world.learner.predictor.version) == (1, 1)  # type: ignore[union-attr]


def test_a_champion_that_cannot_be_used_is_stood_in_for_by_the_one_before() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)
    world.publish(2, minutes=2)  # the generation has no usable file of it
    assert (world.learner.champion, world.learner.predictor.version) == (2, 1)  # type: ignore[union-attr]


def test_drift_raises_an_alarm_with_its_place_once() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)
    effects = world.append("rides", ride(0, 0.0), ride(0, 100.0), *(ride(0, 9.0 + i % 3) for i in range(700)))
    assert not effects.alarms
    alarms = world.append("rides", *(ride(0, 60.0 + i % 3) for i in range(100))).alarms
    assert alarms
    assert all(alarm.model == "minutes" and alarm.offset > 704 for alarm in alarms)
    world.append(SYSTEM, alarms[0].event())
    assert world.report["alarms"] == [{"at": f"0:{alarms[0].offset}", "time": "1970-01-01T00:00:00Z"}]


def test_of_many_alarms_the_last_are_kept_and_all_are_counted() -> None:
    world = World(make_app(), 1)
    world.append(SYSTEM, *(DriftDetected("minutes", n, "ADWIN").event() for n in range(150)))
    assert world.report["alarm_count"] == 150
    assert [alarm["at"] for alarm in world.report["alarms"]] == [f"0:{n}" for n in range(50, 150)]


def test_one_example_in_so_many_is_sampled_by_its_place_alone() -> None:
    world = World(make_app())
    effects = world.append("rides", *(ride(i, 1.0) for i in range(200)))
    assert [sample.offset for sample in effects.samples] == list(range(0, 200, SAMPLED))
    fingerprint = world.app.models["minutes"].fingerprint
    assert effects.samples[1] == FeatureSample("minutes", fingerprint, SAMPLED, {"x": float(SAMPLED)})


@pytest.mark.parametrize(
    ("speed", "problem"),
    [
        (lambda: {"batch": mean()}, "names a model 'batch'"),
        (lambda: {"blend": mean()}, "names a model 'blend'"),
        (lambda: 7, "no model of River"),
    ],
)
def test_speed_models_that_cannot_be_are_refused(speed: Any, problem: str) -> None:
    app = make_app(speed)
    with pytest.raises(DefinitionError, match=problem):
        Learner(app.models["minutes"])
