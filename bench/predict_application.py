"""The application of the prediction benchmark: 300 trees of LightGBM and a linear model of River on ten features, of
which three look views up."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from anabranch import App, agg

app = App("predict")


class Trip(BaseModel):
    trip_id: str
    station: str
    rider: str
    started: datetime
    minutes: float = Field(ge=0)


trips = app.stream("trips", Trip, id="trip_id", key="station", time="started")
usage = app.view("usage", of=trips, by="station", tile="1h", trips=agg.count(), minutes=agg.mean("minutes"))
riders = app.view("riders", of=trips, by="rider", tile="1h", trips=agg.count(), minutes=agg.mean("minutes"))
ever = app.view("ever", of=trips, by="station", trips=agg.count(), minutes=agg.mean("minutes"))


def _batch() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=300, verbose=-1)


def _speed() -> Any:
    from river import linear_model, preprocessing

    return preprocessing.StandardScaler() | linear_model.LinearRegression()


@app.model("duration", on=trips, label="minutes", task="regression", batch=_batch, speed=_speed)
def duration(trip: Any, views: Any) -> dict[str, Any]:
    day = views.usage(station=trip.station, last="24h")
    of_rider = views.riders(rider=trip.rider, last="6h")
    always = views.ever(station=trip.station)
    started = trip.started
    return {
        "hour": started.hour,
        "weekday": started.weekday(),
        "day": started.day,
        "minute": started.minute,
        "weekend": started.weekday() >= 5,
        "rider": trip.rider,
        "length": len(trip.station),
        "day_minutes": day.minutes,
        "rider_minutes": of_rider.minutes,
        "ever_trips": always.trips,
    }
