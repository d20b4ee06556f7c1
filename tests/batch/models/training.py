"""Homes with models of any kind, and what their batch runs trained."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from tests.batch.conftest import Home
from tests.batch.rides import START

HEAD = """
from datetime import datetime
from typing import Any
import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from pydantic import BaseModel
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from anabranch import App, agg
app = App("training")

class Ride(BaseModel):
    at: datetime
    station: str
    size: float | None = None
    minutes: float = 0.0
    long: bool = False
    kind: str = "a"
    grade: int = 1

rides = app.stream("rides", Ride, time="at")
usage = app.view("usage", of=rides, by="station", n=agg.count())

class Broken(BaseEstimator):
    def fit(self, X, y):
        raise ValueError("broken as planted")

class Nowhere(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.fitted_ = True
        return self
    def predict(self, X):
        return np.full(len(X), np.nan)
"""


MODEL = """
@app.model("{name}", on=rides, label="{label}", task="{task}", batch=lambda: {batch}, speed=lambda: None{more})
def {name}(ride, views):
    return {{"station": ride.station, "size": ride.size, "night": ride.at.hour < 6}}
"""


def home_with(home: Home, *models: str, file: str = "app.py") -> Home:
    path = home.path / file
    path.write_text(HEAD + "".join(models))
    home.app_path = str(path)
    return home


def model(batch: str, name: str = "m", label: str = "minutes", task: str = "regression", more: str = "") -> str:
    return MODEL.format(name=name, label=label, task=task, batch=batch, more=more)


def rides(count: int, seed: int = 0, day: int = 0, noise: float = 1.0) -> list[dict[str, Any]]:
    """Rides whose length depends on the station and the size."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        place, size = chance.randrange(4), chance.choice([None, chance.uniform(0, 10)])
        minutes = 10.0 * place + (size or 5.0) + chance.uniform(-noise, noise)
        at = START + timedelta(days=day, minutes=number)
        kind = "abcd"[place]
        ride = {"at": at.isoformat(), "station": "ABCD"[place], "size": size, "minutes": minutes}
        found.append({**ride, "long": minutes > 20, "kind": kind, "grade": place})
    return found


def entry(home: Home, number: int, name: str = "m") -> Any:
    generation = home.open(number)
    found = generation.manifest["models"][name]
    generation.close()
    return found


def predictions(home: Home, number: int, version: int, rows: list[Any], name: str = "m") -> Any:
    generation = home.open(number)
    found = generation.predictor(home.app.models[name], version).predict(rows)
    generation.close()
    return found


ROWS: list[dict[str, Any]] = [{"station": s, "size": size, "night": False} for s in "ABCD" for size in (1.0, 9.0)]


ODD_ROWS: list[dict[str, Any]] = [
    {"station": "new", "size": None, "night": None},
    {"station": None},
    {"size": "text", "other": 1},
    {},
]


def promoted(home: Home) -> list[dict[str, int]]:
    events = [r.data for s in home.segments() if s.stream == "_anabranch" for r in s.records()]
    return [event["promoted"] for event in events if event["kind"] == "batch_published"]
