"""The application whose home is damaged: a view in SQL, one in Python, and a model."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from river import linear_model
from sklearn.linear_model import Ridge

from anabranch import App, agg

app = App("damaged")


class Ride(BaseModel):
    ride_id: str
    station: str
    at: datetime
    minutes: float


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
hourly = app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), total=agg.sum("minutes"))
letters = app.view("letters", of=rides, by=lambda ride: list(ride.station), n=agg.count())


@app.model(
    "duration", on=rides, label="minutes", task="regression", batch=Ridge, speed=lambda: linear_model.LinearRegression()
)
def duration(ride: Ride, views: Any) -> dict[str, float]:
    return {"recent": float(views.hourly(station=ride.station, last="2h").n), "hour": float(ride.at.hour)}
