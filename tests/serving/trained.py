"""An application with models of every task, and generations that hold versions of them."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel, Field
from river import base, linear_model, preprocessing, tree

from anabranch import App, Model, agg
from batch.models.pickled_files import signed
from tests.home_key import KEY
from tests.serving.conftest import Home, next_number, publish, put

app = App("trained")


class Rental(BaseModel):
    rental_id: str
    station: str
    rider: str | None = None
    started: datetime
    minutes: float = Field(ge=0)


class Mail(BaseModel):
    text: str
    spam: bool
    folder: str


rentals = app.stream("rentals", Rental, id="rental_id", key="station", time="started")
mails = app.stream("mails", Mail)
usage = app.view("usage", of=rentals, by="station", tile="1h", rentals=agg.count(), minutes=agg.mean("minutes"))


def _line() -> Any:
    return preprocessing.StandardScaler() | linear_model.LinearRegression()


@app.model("duration", on=rentals, label="minutes", task="regression", batch=object, speed=_line)
def duration(rental: Any, views: Any) -> dict[str, Any]:
    recent = views.usage(station=rental.station, last="24h")
    return {"hour": rental.started.hour, "station": rental.station, "recent": recent.minutes, "n": recent.rentals}


@app.model("simple", on=rentals, label="minutes", task="regression", batch=object, speed=_line)
def simple(rental: Any, views: Any) -> dict[str, Any]:
    return {"length": len(rental.station)}


@app.model("leaking", on=rentals, label="minutes", task="regression", batch=object, speed=_line)
def leaking(rental: Any, views: Any) -> dict[str, Any]:
    return {"minutes": rental.minutes}


class Unteachable(base.Regressor):
    """One that cannot learn."""

    def learn_one(self, x: Any, y: Any) -> None:
        raise ValueError("no")

    def predict_one(self, x: Any) -> float:
        return 0.0


@app.model("raising", on=rentals, label="minutes", task="regression", batch=object, speed=Unteachable)
def raising(rental: Any, views: Any) -> dict[str, Any]:
    return {"hour": 1}


@app.model("spam", on=mails, label="spam", task="binary", batch=object, speed=tree.HoeffdingTreeClassifier)
def spam(mail: Any, views: Any) -> dict[str, Any]:
    return {"length": len(mail.text)}


@app.model("folder", on=mails, label="folder", task="multiclass", batch=object, speed=tree.HoeffdingTreeClassifier)
def folder(mail: Any, views: Any) -> dict[str, Any]:
    if mail.text == "odd":
        raise ValueError("an odd text")
    return {"length": len(mail.text)}


def mail(text: str = "hello", spam: bool = False, folder: str = "inbox") -> dict[str, Any]:
    return {"text": text, "spam": spam, "folder": folder}


class Constant:
    """An estimator that predicts this."""

    def __init__(self, value: float):
        self.value = value

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), self.value)


class Shares:
    """A classifier that predicts these probabilities."""

    def __init__(self, shares: dict[Any, float]):
        self.classes_ = np.array(list(shares))
        self.shares = list(shares.values())

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        return np.array([self.shares] * len(matrix))


class Raising:
    """An estimator that cannot predict."""

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        raise RuntimeError("no")


def publish_versions(home: Home, *versions: tuple[int, Any, bool], model: str = "duration") -> int:
    """Publish a generation with versions of a model: (version, estimator, promoted), the newest first.

    If the newest was promoted, it becomes the champion.
    """
    number = next_number(home)
    held = [_held(home, home.service.app.models[model], *version) for version in versions]
    report = {"candidates": {"Constant": {"loss": 2.5}}, "skew": {"checked": 7, "unequal": 0, "examples": []}}
    promoted = {model: versions[0][0]} if versions[0][2] else {}
    return publish(home, {model: {"versions": held, "champion": None, "report": report}}, promoted, number)


def _held(home: Home, model: Model, version: int, estimator: Any, promoted: bool) -> dict[str, Any]:
    classes = [] if model.task == "regression" else estimator.classes_.tolist()
    return {
        "version": version,
        "generation": version,
        "cut": "0:5",
        "rows": 40,
        "holdout": {"loss": float(version), "rows": 8, "incumbent": None},
        "candidate": "Constant",
        "promoted": promoted,
        "fingerprint": model.fingerprint,
        "format": "pickle",
        "file": signed(put(home, pickle.dumps(estimator)), KEY),
        "encoding": {"kinds": {}, "categories": {}, "classes": classes},
    }
