"""The application of the fold benchmark: one view of four exact aggregates."""

from datetime import datetime

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("fold")


class Trip(BaseModel):
    trip_id: str
    station: str
    rider: str
    started: datetime
    minutes: float = Field(ge=0)


trips = app.stream("trips", Trip, id="trip_id", key="station", time="started")
usage = app.view(
    "usage",
    of=trips,
    by="station",
    tile="1h",
    trips=agg.count(),
    minutes=agg.mean("minutes"),
    shortest=agg.min("minutes"),
    longest=agg.max("minutes"),
)
