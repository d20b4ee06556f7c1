"""The application of the home that an earlier release made."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel
from sklearn.linear_model import Ridge

from anabranch import App, agg

app = App("earlier")


class Ride(BaseModel):
    ride_id: str
    station: str
    at: datetime
    minutes: float


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
hourly = app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), total=agg.sum("minutes"))
ever = app.view("ever", of=rides, by="station", n=agg.count(), longest=agg.max("minutes"))


@app.model("duration", on=rides, label="minutes", task="regression", batch=lambda: Ridge(), speed=lambda: None)
def duration(ride: Ride, views) -> dict[str, float | str]:  # type: ignore[no-untyped-def]
    """What is known when it begins."""
    return {"hour": ride.at.hour, "station": ride.station, "n": views.ever(station=ride.station).n}
