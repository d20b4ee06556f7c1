"""The application that recovery tests kill: one view by hour, one for all time, one by a function."""

from datetime import datetime

from pydantic import BaseModel

from anabranch import App, agg

app = App("recovery")


class Ride(BaseModel):
    ride_id: str
    station: str
    at: datetime
    minutes: float


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
hourly = app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), total=agg.sum("minutes"))
ever = app.view("ever", of=rides, by="station", n=agg.count(), riders=agg.distinct("ride_id"), top=agg.max("minutes"))
letters = app.view("letters", of=rides, by=lambda ride: list(ride.station), n=agg.count())
