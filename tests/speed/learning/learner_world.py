"""A stream of rides with a model, and a fold to which its events are appended one by one."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel
from river import dummy, linear_model, preprocessing, stats

from anabranch import SYSTEM, App, Cut, Label, Model
from anabranch.contributions import Cells, Key
from anabranch.features import Features
from anabranch.view import View
from eventlog.decisions import Publication
from eventlog.log.segment import Segment
from speed.base_layer import Part, Predictor
from speed.blend import Blend
from speed.fold import Effects, apply
from speed.learning.learner import Learner
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


class FixedLayer:
    """A generation whose versions say ten times their number."""

    def __init__(self, *versions: int):
        self.versions = versions

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        return {}

    def predictor(self, model: Model, version: int) -> Predictor | None:
        return Constant(version, 10.0 * version) if version in self.versions else None

    def watermarks(self, app: App) -> dict[str, int]:
        return {}

    def holdout_loss(self, model: Model, version: int) -> float | None:
        return None


class World:
    """A fold of events that are appended one by one."""

    def __init__(self, app: App, *versions: int):
        self.app = app
        self.layer = FixedLayer(*versions)
        self.state = SpeedState(learners={name: Learner(model) for name, model in app.models.items()})

    def append(self, stream: str, *data: dict[str, Any]) -> Effects:
        times = array("q", [hours(d["at"]) if "at" in d and stream != SYSTEM else 0 for d in data])
        heads = orjson.dumps([[None] * len(data)] * 2)
        segment = Segment(0, self.state.cut.offsets[0], stream, 0, times, heads, orjson.dumps(data))
        return apply(self.state, segment, self.app, lambda _: True, lambda _: self.layer)

    def resume(self, state: SpeedState) -> None:
        self.state = state
        state.attach_generation(self.app, lambda _: self.layer)

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


class Cautious(Blend):
    """A blend of an application's own: it never trusts anybody with more than half."""

    name = "cautious"

    def learn(self, losses: Any) -> None:
        best = min(losses, key=losses.__getitem__)
        self.shares = {name: 0.5 if name == best else 0.5 / (len(losses) - 1) for name in losses}
