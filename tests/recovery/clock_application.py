"""An application in which much depends on the watermark of a stream: `keep`, ``last=``, a prediction without a time."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from river import linear_model
from sklearn.linear_model import Ridge

from anabranch import App, agg

app = App("clock")


class Ride(BaseModel):
    station: str
    at: datetime
    minutes: float


class Shower(BaseModel):
    at: datetime


rides = app.stream("rides", Ride, key="station", time="at")
showers = app.stream("showers", Shower, time="at")  # of no view and no model
hourly = app.view("hourly", of=rides, by="station", tile="1h", keep="3h", n=agg.count())


@app.model(
    "duration", on=rides, label="minutes", task="regression", batch=Ridge, speed=lambda: linear_model.LinearRegression()
)
def duration(ride: Ride, views: Any) -> dict[str, float]:
    return {
        "recent": float(views.hourly(station=ride.station, last="2h").n),
        "kept": float(views.hourly(station=ride.station).n),
    }
