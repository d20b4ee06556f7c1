"""A regression with LightGBM, a classification with scikit-learn, and a features function that leaks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("models")


class Ride(BaseModel):
    ride_id: str
    station: str
    at: datetime
    minutes: float = Field(ge=0)
    member: bool


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
hourly = app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), minutes=agg.mean("minutes"))


def _trees() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=20, min_child_samples=5, verbose=-1)


def _odds() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _line() -> Any:
    from river import linear_model, preprocessing

    return preprocessing.StandardScaler() | linear_model.LinearRegression()


def _logistic() -> Any:
    from river import linear_model, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression()


@app.model("duration", on=rides, label="minutes", task="regression", batch=_trees, speed=_line, tolerance=1.0)
def duration(ride: Any, views: Any) -> dict[str, Any]:
    day = views.hourly(station=ride.station, last="24h")
    return {"hour": ride.at.hour, "station": ride.station, "n": day.n, "minutes": day.minutes}


@app.model("member", on=rides, label="member", task="binary", batch=_odds, speed=_logistic)
def member(ride: Any, views: Any) -> dict[str, Any]:
    return {"station": ride.station, "hour": ride.at.hour}
