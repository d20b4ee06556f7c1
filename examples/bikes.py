"""bikes.py: how busy is each bike station, and how long do its rentals last?

Try it:

    anabranch up examples/bikes.py
    anabranch import examples/data/bikes.parquet --stream rentals examples/bikes.py
    curl 'http://127.0.0.1:8000/v1/views/usage?station=Market+at+4th&last=24h'
"""

from datetime import datetime

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("bikes")


class Rental(BaseModel):
    """Sent when a bike comes back."""

    rental_id: str
    station: str
    rider: str
    started: datetime
    minutes: float = Field(ge=0)


rentals = app.stream("rentals", Rental, id="rental_id", key="station", time="started")

usage = app.view(
    "usage",
    of=rentals,
    by="station",
    tile="1h",
    keep="90d",
    rentals=agg.count(),
    minutes=agg.mean("minutes"),
    p90=agg.quantile("minutes", 0.9),
    riders=agg.distinct("rider"),
)
