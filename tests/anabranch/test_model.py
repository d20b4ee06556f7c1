"""Definitions of models: what they say, and what is refused where it is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from anabranch import App, DefinitionError, Label, agg


class Ride(BaseModel):
    ride: str
    station: str
    at: datetime
    minutes: float
    fast: bool = False
    level: int = 0


class Landing(BaseModel):
    of: str
    at: datetime
    delay: float
    kind: str = "a"


def make(**changed: Any) -> App:
    app = App("rides")
    rides = app.stream("rides", Ride, key="station", time="at")
    landings = app.stream("landings", Landing, time="at")
    app.view("hourly", of=rides, by="station", tile="1h", n=agg.count())
    wanted: dict[str, Any] = {
        "name": "minutes", "on": rides, "label": "minutes", "task": "regression",
        "batch": lambda: None, "speed": lambda: None,
    }  # fmt: skip
    for name, value in changed.items():
        wanted[name] = value(landings) if callable(value) and name == "label" else value
    name = wanted.pop("name")
    function = wanted.pop("features", lambda ride, views: {"level": ride.level})
    app.model(name, **wanted)(function)
    return app


def test_the_decorator_gives_the_function_back() -> None:
    app = App("rides")
    rides = app.stream("rides", Ride)

    @app.model("m", on=rides, label="minutes", task="regression", batch=lambda: 1, speed=lambda: 2)
    def features(ride: Ride, views: Any) -> dict[str, Any]:
        return {"level": ride.level}

    assert features(Ride(ride="a", station="b", at=datetime(2024, 1, 1, tzinfo=UTC), minutes=1, level=3), None) == {
        "level": 3
    }
    assert app.models["m"].metric == "squared_error"
    assert [model.name for model in app.models_of("rides")] == ["m"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "not usable"}, "not a usable name"),
        ({"task": "clustering"}, "task='clustering' is unknown"),
        ({"metric": "log_loss"}, "metric='log_loss' is none of regression"),
        ({"task": "binary", "label": "fast", "metric": "squared_error"}, "is none of binary"),
        ({"label": "gone"}, "'gone' is not a field of rides"),
        ({"label": "station"}, "is text, which a regression cannot predict"),
        ({"task": "binary"}, "is number, which a binary cannot predict"),
        ({"batch": 7}, "batch=7 is not a function"),
        ({"speed": lambda n: n}, "cannot be called with (): missing a required argument: 'n'"),
        ({"blend": "alchemy"}, "blend='alchemy' is unknown. Take one of ('hedge', 'batch', 'speed', 'mean'"),
        ({"holdout": 1.5}, "holdout=1.5 is no share"),
        ({"tolerance": -1.0}, "tolerance=-1.0"),
        ({"cooldown": "soon"}, "cooldown='soon' is no duration"),
        ({"cooldown": 5}, "cooldown=5 is no duration. 5 is not a duration; write a whole number and a unit"),
        ({"on": "rides"}, "is not a stream of app"),
        ({"label": lambda s: Label(s, field="delay", join="ride", within="6h")}, "'ride' is not a field of landings"),
        ({"label": lambda s: Label(s, field="gone", join=("ride", "of"), within="6h")}, "'gone' is not a field"),
        ({"label": lambda s: Label(s, field="delay", join=("gone", "of"), within="6h")}, "joins by 'gone'"),
        ({"label": lambda s: Label(s, field="kind", join=("ride", "of"), within="6h")}, "is text, which a regression"),
        ({"label": lambda s: Label(s, field="delay", join=("ride", "of"), within="later")}, "'later' is no duration"),
        (
            {"label": lambda s: Label(s, field="delay", join=("ride", "of"), within="6h", missing="none")},
            "missing='none' is no label of a regression",
        ),
    ],
)
def test_a_wrong_definition_says_what_is_wrong(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make(**changed)
    assert problem in str(caught.value)


def test_two_models_of_one_name_are_refused() -> None:
    app = make()
    with pytest.raises(DefinitionError, match="is defined twice"):
        app.model(
            "minutes", on=app.streams["rides"], label="minutes", task="regression",
            batch=lambda: None, speed=lambda: None,
        )(lambda ride, views: {})  # fmt: skip


async def later(ride: Ride, views: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        (lambda ride: {}, "<lambda> cannot be called with (event, views): too many positional arguments"),
        (later, "later is async, and would never be awaited. Write def later(event, views): ..."),
    ],
)
def test_a_features_function_that_cannot_be_called_is_refused(features: Any, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make(features=features)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"features": lambda ride, views: {"level": ride.level + 1}},
        {"label": "level"},
        {"label": lambda s: Label(s, field="delay", join=("ride", "of"), within="6h")},
    ],
)
def test_the_fingerprint_follows_what_makes_rows_what_they_are(changed: dict[str, Any]) -> None:
    assert make(**changed).models["minutes"].fingerprint != make().models["minutes"].fingerprint


@pytest.mark.parametrize("changed", [{}, {"batch": lambda: 3}, {"tolerance": 0.5}, {"speed": lambda: 8}])
def test_the_fingerprint_does_not_follow_the_learners(changed: dict[str, Any]) -> None:
    assert make(**changed).models["minutes"].fingerprint == make().models["minutes"].fingerprint


@pytest.mark.parametrize("changed", [{"speed": lambda: 8}, {"blend": "mean"}, {"metric": "absolute_error"}])
def test_the_fingerprint_of_the_learner_follows_the_speed_layer(changed: dict[str, Any]) -> None:
    assert make(**changed).models["minutes"].learner_fingerprint != make().models["minutes"].learner_fingerprint


def test_a_field_that_is_new_changes_no_fingerprint() -> None:
    class RideWithMore(Ride):
        more: int | None = None

    app, other = App("rides"), App("rides")
    for where, model in ((app, Ride), (other, RideWithMore)):
        rides = where.stream("rides", model, time="at")
        where.view("by_station", of=rides, by=lambda ride: ride.station, minutes=agg.mean("minutes"))
        named = where.model("minutes", on=rides, label="minutes", task="regression", batch=list, speed=list)
        named(lambda ride, views: {"station": ride.station})
    assert app.views["by_station"].fingerprint == other.views["by_station"].fingerprint
    assert app.models["minutes"].fingerprint == other.models["minutes"].fingerprint


def test_a_view_that_changes_changes_the_fingerprint_of_every_model() -> None:
    app, other = make(), make()
    other.view("more", of=other.streams["rides"], n=agg.count())
    assert app.models["minutes"].fingerprint != other.models["minutes"].fingerprint


@pytest.mark.parametrize(
    ("task", "label", "value", "expected"),
    [
        ("regression", "minutes", 3, 3.0),
        ("binary", "fast", True, True),
        ("binary", "level", 1, True),
        ("multiclass", "level", 2, 2),
        ("multiclass", "station", "x", "x"),
        ("regression", "minutes", None, None),
        ("regression", "minutes", 1e37, 1e37),
        ("regression", "minutes", -1.1e37, None),
        ("regression", "minutes", 10**400, None),
        ("regression", "minutes", float("nan"), None),
        ("multiclass", "level", 2**63, None),
        ("multiclass", "level", -(2**63), -(2**63)),
    ],
)
def test_a_label_is_what_the_task_takes(task: str, label: str, value: Any, expected: Any) -> None:
    found: Callable[[Any], Any] = make(task=task, label=label).models["minutes"].label_value
    assert (found(value), type(found(value))) == (expected, type(expected))
