"""Test, then train: what a learner does with examples, good ones and bad ones."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from river import dummy, linear_model, preprocessing, stats

from anabranch import SYSTEM, App, Cut, DefinitionError, Label, Model
from anabranch.contributions import Cells, Key
from anabranch.features import Features
from anabranch.view import View
from eventlog.publication import Publication
from eventlog.segment import Segment
from speed.blend import Blend
from speed.checkpoint import Checkpoints
from speed.fold import SAMPLED, Effects, apply
from speed.learner import Learner
from speed.published import Part, Predictor
from speed.state import SpeedState

HOUR = 3_600_000_000


class Ride(BaseModel):
    ride: str = ""
    at: datetime
    x: float
    minutes: float | None = None


class Landing(BaseModel):
    ride: str
    at: datetime
    minutes: float


def mean() -> Any:
    return dummy.StatisticRegressor(stats.Mean())


def linear() -> Any:
    return preprocessing.StandardScaler() | linear_model.LinearRegression()


def make_app(
    speed: Callable[[], Any] = mean,
    *,
    later: bool = False,
    features: Any = lambda ride, views: {"x": ride.x},
    **more: Any,
) -> App:
    app = App("rides")
    rides = app.stream("rides", Ride, time="at")
    landings = app.stream("landings", Landing, time="at")
    label: str | Label = Label(landings, field="minutes", join="ride", within="2h") if later else "minutes"
    app.model("minutes", on=rides, label=label, task="regression", batch=lambda: None, speed=speed, **more)(features)
    return app


class Constant:
    """A champion that always says the same."""

    def __init__(self, version: int, says: float):
        self.version = version
        self.says = says

    def predict(self, rows: Sequence[Features]) -> Sequence[Part]:
        return [self.says] * len(rows)


class Below:
    """A generation whose versions say ten times their number."""

    def __init__(self, *versions: int):
        self.versions = versions

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        return {}

    def predictor(self, model: Model, version: int) -> Predictor | None:
        return Constant(version, 10.0 * version) if version in self.versions else None

    def champions(self, model: Model) -> list[int]:
        return []

    def holdout_loss(self, model: Model, version: int) -> float | None:
        return None


class World:
    """A fold of events that are appended one by one."""

    def __init__(self, app: App, *versions: int):
        self.app = app
        self.below = Below(*versions)
        self.state = SpeedState(learners={name: Learner(model) for name, model in app.models.items()})

    def append(self, stream: str, *data: dict[str, Any]) -> Effects:
        times = array("q", [hours(d["at"]) if "at" in d and stream != SYSTEM else 0 for d in data])
        heads = orjson.dumps([[None] * len(data)] * 2)
        segment = Segment(0, self.state.cut.offsets[0], stream, 0, times, heads, orjson.dumps(data))
        return apply(self.state, segment, self.app, lambda _: True, lambda _: self.below)

    def resume(self, state: SpeedState) -> None:
        self.state = state
        state.look_again(self.app, lambda _: self.below)

    def publish(self, generation: int, **promoted: int) -> None:
        self.append(SYSTEM, {"kind": "batch_started", "run": f"r{generation}"})
        cut = Cut((self.state.cut.offsets[0] - 1,))
        self.append(SYSTEM, Publication(generation, cut, "", f"r{generation}", promoted=promoted).event())

    def mark(self, kind: str, version: int) -> None:
        self.append(SYSTEM, {"kind": kind, "model": "minutes", "version": version, "previous": None})

    @property
    def learner(self) -> Learner:
        return self.state.learners["minutes"]

    @property
    def report(self) -> dict[str, Any]:
        return self.learner.report()


def hours(text: str) -> int:
    return int((datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")).total_seconds() * 1e6)


def ride(x: float, minutes: float | None = None, hour: int = 0, name: str = "") -> dict[str, Any]:
    return {"at": f"1970-01-01T{hour:02d}:00:00Z", "x": x, "minutes": minutes, "ride": name}


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


def test_features_that_raise_are_set_aside_with_their_place_and_everything_else_goes_on() -> None:
    app = make_app(features=lambda ride, views: {"x": 1 / ride.x})
    world = World(app, 1)
    world.publish(1, minutes=1)
    world.append("rides", ride(1, 4.0), ride(0, 5.0), ride(2, 6.0))
    failed = world.report["failed"]
    assert failed["count"] == 1
    assert failed["examples"][0]["position"] == "0:3"
    assert failed["examples"][0]["reason"].startswith("ZeroDivisionError: ")
    assert "test_learner.py:" in failed["examples"][0]["reason"]
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


class Cautious(Blend):
    """A blend of an application's own: it never trusts anybody with more than half."""

    name = "cautious"

    def learn(self, losses: Any) -> None:
        best = min(losses, key=losses.__getitem__)
        self.shares = {name: 0.5 if name == best else 0.5 / (len(losses) - 1) for name in losses}


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


def test_a_champion_that_raises_leaves_the_answer_to_the_others() -> None:
    world = World(make_app(), 1)
    world.publish(1, minutes=1)

    def fail(rows: Sequence[Features]) -> Sequence[Part]:
        raise RuntimeError("no")

    world.learner.predictor.predict = fail  # type: ignore[union-attr, method-assign]
    world.append("rides", ride(0, 4.0), ride(0, 8.0))
    assert world.report["failed"]["examples"][0]["reason"] == "the champion, version 1, raised: RuntimeError: no"
    assert world.report["scores"]["blend"]["count"] == 2


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
    assert all(model == "minutes" and offset > 704 for model, offset in alarms)
    world.append(SYSTEM, {"kind": "drift_detected", "model": "minutes", "at": f"0:{alarms[0][1]}", "detector": "ADWIN"})
    assert world.report["alarms"] == [{"at": f"0:{alarms[0][1]}", "time": "1970-01-01T00:00:00Z"}]


def test_of_many_alarms_the_last_are_kept_and_all_are_counted() -> None:
    world = World(make_app(), 1)
    told = [{"kind": "drift_detected", "model": "minutes", "at": f"0:{n}", "detector": "ADWIN"} for n in range(150)]
    world.append(SYSTEM, *told)
    assert world.report["alarm_count"] == 150
    assert [alarm["at"] for alarm in world.report["alarms"]] == [f"0:{n}" for n in range(50, 150)]


def test_one_example_in_so_many_is_sampled_by_its_place_alone() -> None:
    world = World(make_app())
    effects = world.append("rides", *(ride(i, 1.0) for i in range(200)))
    assert [sample["at"] for _, sample in effects.samples] == list(range(0, 200, SAMPLED))
    id_, sample = effects.samples[1]
    assert sample == {
        "model": "minutes",
        "fingerprint": world.app.models["minutes"].fingerprint,
        "at": SAMPLED,
        "features": {"x": float(SAMPLED)},
    }
    assert id_ == f"minutes:{sample['fingerprint']}:{SAMPLED}"


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
            checkpoints = Checkpoints(tmp_path)
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
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(world.state, world.app)
    assert list(checkpoints.load(path, make_app(linear)).learners) == ["minutes"]
    assert checkpoints.load(path, make_app(mean)).learners == {}


def test_an_application_may_bring_a_blend_of_its_own(tmp_path: Path) -> None:
    app = make_app(blend=Cautious)
    world = World(app, 1)
    world.publish(1, minutes=1)
    world.append("rides", *(ride(i, float(i)) for i in range(10)))
    assert world.report["weights"] == {"batch": 0.5, "speed": 0.5}
    checkpoints = Checkpoints(tmp_path)
    loaded = checkpoints.load(checkpoints.save(world.state, app), app)
    assert loaded.learners["minutes"].blend.state() == world.learner.blend.state()


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
