"""bikes.py: how busy is each bike station, and how long will this rental last?

Try it:

    anabranch up examples/bikes.py
    anabranch import examples/data/bikes.parquet --stream rentals examples/bikes.py
    curl 'http://127.0.0.1:8000/v1/views/usage?station=Market+at+4th&last=24h'
"""

from datetime import datetime
from typing import Any

from lightgbm import LGBMRegressor
from pydantic import BaseModel, Field
from river import linear_model, optim

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

habits = app.view(
    "habits",
    of=rentals,
    by=("station", "rider"),
    tile="1d",
    keep="90d",
    minutes=agg.quantile("minutes", 0.5),
)


@app.model(
    "duration",
    on=rentals,
    label="minutes",
    task="regression",
    metric="absolute_error",
    batch=lambda: LGBMRegressor(n_estimators=300, objective="mae"),
    speed=lambda: linear_model.LinearRegression(optim.AdaGrad(1.0), loss=optim.losses.Quantile(0.5)),
)
def duration(rental: Rental, views: Any) -> dict[str, float | str | None]:
    """The features of a rental, from the rental itself and the views as they stood just before it."""
    recent = views.usage(station=rental.station, last="24h")
    habit = views.habits(station=rental.station, rider=rental.rider, last="28d")
    return {
        "hour": f"{rental.started.hour:02d}",
        "weekday": f"{rental.started:%a}",
        "rider": rental.rider,
        "station": rental.station,
        "recent_minutes": recent.minutes,
        "recent_rentals": recent.rentals,
        "usual_minutes": habit.minutes,
    }
