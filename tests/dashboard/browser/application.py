"""The bundled bike rentals, with models that train in a second: what the dashboard shows in its tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("bikes")


class Rental(BaseModel):
    rental_id: str
    station: str
    rider: str
    started: datetime
    minutes: float = Field(ge=0)


class Note(BaseModel):
    text: str
    stars: int | None = None
    urgent: bool = False


rentals = app.stream("rentals", Rental, id="rental_id", key="station", time="started")
notes = app.stream("notes", Note)
usage = app.view(
    "usage",
    of=rentals,
    by="station",
    tile="1h",
    rentals=agg.count(),
    minutes=agg.mean("minutes"),
    riders=agg.top("rider"),
)
words = app.view("words", of=notes, by=lambda note: note.text.lower().split(), times=agg.count())


def _trees() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=20, objective="mae", verbose=-1)


def _classes() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=10, verbose=-1)


def _line() -> Any:
    from river import linear_model, optim

    return linear_model.LinearRegression(optim.AdaGrad(0.5), loss=optim.losses.Quantile(0.5))


def _bayes() -> Any:
    from river import naive_bayes

    return naive_bayes.BernoulliNB()  # type: ignore[no-untyped-call]


@app.model(
    "duration",
    on=rentals,
    label="minutes",
    task="regression",
    metric="absolute_error",
    batch=_trees,
    speed=_line,
    tolerance=1.0,
)
def duration(rental: Any, views: Any) -> dict[str, Any]:
    recent = views.usage(station=rental.station, last="24h")
    return {"hour": f"{rental.started.hour:02d}", "rider": rental.rider, "recent_minutes": recent.minutes}


@app.model("rider", on=rentals, label="rider", task="multiclass", batch=_classes, speed=_bayes)
def rider(rental: Any, views: Any) -> dict[str, Any]:
    return {"hour": f"{rental.started.hour:02d}", "weekday": f"{rental.started:%a}", "station": rental.station}
