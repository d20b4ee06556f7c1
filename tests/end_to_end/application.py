"""Every kind of stream, key and aggregate that there is, in one application."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("everything")


class Ride(BaseModel):
    """With an id, a key and a time."""

    ride_id: str
    station: str
    at: datetime
    minutes: float = Field(ge=0)
    rider: str | None = None
    bikes: int = 1


class Click(BaseModel):
    """With nothing: not deduplicated, and its time is when it was appended."""

    page: str
    size: int | None = None


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
clicks = app.stream("clicks", Click)

hourly = app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), minutes=agg.sum("minutes"))
recent = app.view("recent", of=rides, by=("station", "rider"), tile="1h", keep="2d", n=agg.count())
ever = app.view(
    "ever",
    of=rides,
    by="station",
    n=agg.count(),
    bikes=agg.sum("bikes"),
    mean=agg.mean("minutes"),
    least=agg.min("minutes"),
    most=agg.max("at"),
    spread=agg.variance("minutes"),
    opened=agg.first("rider"),
    closed=agg.last("minutes"),
    riders=agg.distinct("rider", precision=5),
    median=agg.quantile("minutes", 0.5),
    often=agg.top("rider", 3),
    lengths=agg.histogram("minutes", edges=[10, 60]),
    who=agg.collect("rider", limit=5),
)
long = app.view("long", of=rides, by=(), where=lambda ride: ride.minutes > 30, n=agg.count(), m=agg.mean("minutes"))
letters = app.view("letters", of=clicks, by=lambda click: list(click.page), n=agg.count(), size=agg.sum("size"))
