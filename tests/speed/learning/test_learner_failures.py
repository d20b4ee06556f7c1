"""What cannot be learnt from is set aside with its place and reason, and the fold goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch import Cut
from anabranch.features import Features
from speed.base_layer import Part
from speed.fold import SAMPLED
from tests.speed.learning.learner_world import Cautious, World, make_app, ride


def test_features_that_raise_are_set_aside_with_their_place_and_everything_else_goes_on() -> None:
    app = make_app(features=lambda ride, views: {"x": 1 / ride.x})
    world = World(app, 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(1, 4.0), ride(0, 5.0), ride(2, 6.0))
    failed = world.report["failed"]
    assert failed["count"] == 1
    assert failed["examples"][0]["position"] == "0:3"
    assert failed["examples"][0]["reason"].startswith("ZeroDivisionError: ")
    assert f"{Path(__file__).name}:" in failed["examples"][0]["reason"]
    assert world.report["scores"]["blend"]["count"] == 2


@pytest.mark.parametrize("later", [False, True])
def test_a_label_that_is_too_large_to_be_scored_is_set_aside_with_its_place(later: bool) -> None:
    world = World(make_app(later=later), 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, 4.0, 0, "A"), ride(0, 1e200, 0, "B"), ride(0, -1.7e308, 0, "C"), ride(0, 8.0, 0, "D"))
    if later:
        labels = {"A": 4.0, "B": 1e200, "C": -1.7e308, "D": 8.0}
        at = "1970-01-01T01:00:00Z"
        world.append("landings", *({"ride": name, "at": at, "minutes": label} for name, label in labels.items()))
    failed = world.report["failed"]
    first = 2 + 4 * later + 1
    assert [found["position"] for found in failed["examples"]] == [f"0:{first}", f"0:{first + 1}"]
    assert failed["examples"][0]["reason"] == "the label 1e+200 is not learnt from; numbers up to 1e+37 are"
    assert world.report["scores"]["blend"]["count"] == 2
    assert world.learner.ask({"x": 0.0}, None, Cut()).answer(None).parts["speed"] == 6.0


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("x", 2**64, None),
        ("x", 10**400, None),
        (5, 1.0, "features must be a dict of values by name, and the name 5 is no text"),
        ("", 1.0, "a feature cannot be called ''; begin with anything but '_'"),
        ("_label", 1.0, "a feature cannot be called '_label'; begin with anything but '_'"),
        ("X", 1.0, "the features 'x' and 'X' differ only in case; rename one"),
        ("é", "où", None),
    ],
)
def test_features_that_no_store_holds_do_not_stop_the_fold(name: Any, value: Any, reason: str | None) -> None:
    world = World(make_app(features=lambda ride, views: {"x": 0.0, name: value}), 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(0, 4.0))
    reasons = [found["reason"].partition(" (")[0] for found in world.report["failed"]["examples"]]
    assert reasons == ([] if reason is None else [reason])
    for sampled in range(SAMPLED):  # one of them is stored
        world.append("rides", ride(sampled, 4.0))
    orjson.dumps(world.report)


class Stumbling(Cautious):
    """One that cannot bear a steep slope."""

    def learn(self, losses: Any) -> None:
        if max(map(abs, losses.values())) > 100.0:
            raise ZeroDivisionError("no")


@pytest.mark.parametrize("later", [False, True])
def test_whatever_fails_in_learning_is_set_aside_and_the_fold_goes_on(later: bool) -> None:
    world = World(make_app(later=later, blend=Stumbling), 1)
    world.publish(1, minutes=1)
    names = {"A": 8.0, "B": 99.0, "C": 9.0}
    world.append("rides", *(ride(0, 10.0, 0, "first"), *(ride(0, label, 0, name) for name, label in names.items())))
    at = "1970-01-01T01:00:00Z"
    if later:
        world.append("landings", *({"ride": name, "at": at, "minutes": label} for name, label in names.items()))
    failed = world.report["failed"]
    assert failed["examples"][-1]["reason"] == "ZeroDivisionError: no"
    assert failed["count"] == 1
    assert world.report["scores"]["blend"]["count"] == 3 - later
    before = world.state.cut
    world.append("rides", ride(0, 9.0))
    assert world.state.cut.offsets[0] == before.offsets[0] + 1


def test_a_features_function_that_touches_its_label_is_told_so() -> None:
    world = World(make_app(features=lambda ride, views: {"x": ride.minutes}))
    world.append("rides", ride(1, 4.0))
    assert "'minutes', which is the label" in world.report["failed"]["examples"][0]["reason"]


def test_features_of_other_names_are_set_aside_with_both_lists() -> None:
    world = World(make_app(features=lambda ride, views: {"x" if ride.x < 5 else "y": ride.x}))
    world.append("rides", ride(1, 4.0), ride(9, 5.0))
    assert world.report["failed"]["count"] == 1
    assert world.report["failed"]["examples"][0]["reason"] == "the features are y; they were x"


def test_a_champion_that_raises_leaves_the_answer_to_the_others() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)

    def fail(rows: Sequence[Features]) -> Sequence[Part]:
        raise RuntimeError("no")

    world.learner.predictor.predict = fail  # type: ignore[union-attr, method-assign]
    world.append("rides", ride(0, 4.0), ride(0, 8.0))
    assert world.report["failed"]["examples"][0]["reason"] == "the champion, version 1, raised: RuntimeError: no"
    assert world.report["scores"]["blend"]["count"] == 2
