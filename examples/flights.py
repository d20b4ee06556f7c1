"""flights.py: how late will this flight land? The answer comes hours later, in another stream.

Try it:

    anabranch demo --example flights

A flight that is about to leave is an event of `departures`; when it has landed, it is one of `arrivals`, and that says
what the model should have predicted. The features are those of the moment of departure: what had landed by then.
"""

from datetime import datetime
from typing import Any

from lightgbm import LGBMRegressor
from pydantic import BaseModel
from river import linear_model, optim, preprocessing

from anabranch import App, Label, agg

app = App("flights")


class Departure(BaseModel):
    """Sent at the scheduled time of departure, with the weather at the airport."""

    flight_id: int
    carrier: str
    tailnum: str | None = None
    origin: str
    dest: str
    distance: int
    scheduled: datetime
    local_minute: int
    temperature: float | None = None
    wind: float | None = None
    rain: float | None = None
    visibility: float | None = None


class Arrival(BaseModel):
    """Sent when the flight has landed. Cancelled and diverted flights never do."""

    flight_id: int
    carrier: str
    tailnum: str | None = None
    origin: str
    dest: str
    landed: datetime
    delay: float


departures = app.stream("departures", Departure, id="flight_id", key="tailnum", time="scheduled")
arrivals = app.stream("arrivals", Arrival, id="flight_id", key="tailnum", time="landed")

queues = app.view("queues", of=departures, by="origin", tile="15m", keep="7d", flights=agg.count())
origins = app.view("origins", of=arrivals, by="origin", tile="1h", keep="7d", delay=agg.mean("delay"))
dests = app.view("dests", of=arrivals, by="dest", tile="1h", keep="7d", delay=agg.mean("delay"))
carriers = app.view(
    "carriers",
    of=arrivals,
    by="carrier",
    tile="1h",
    keep="30d",
    flights=agg.count(),
    delay=agg.mean("delay"),
    p90=agg.quantile("delay", 0.9),
)
planes = app.view("planes", of=arrivals, by="tailnum", tile="1h", keep="7d", delay=agg.last("delay"))


@app.model(
    "delay",
    on=departures,
    label=Label(arrivals, field="delay", join="flight_id", within="24h"),
    task="regression",
    metric="absolute_error",
    batch=lambda: LGBMRegressor(n_estimators=200, objective="mae", min_child_samples=40),
    speed=lambda: (
        preprocessing.MaxAbsScaler()
        | linear_model.LinearRegression(optim.AdaGrad(1.0), loss=optim.losses.Quantile(0.5))
    ),
)
def delay(flight: Departure, views: Any) -> dict[str, float | str | None]:
    """What is known of a flight when it should leave."""
    return {
        "hour": f"{flight.local_minute // 60:02d}",
        "weekday": f"{flight.scheduled:%a}",
        "carrier": flight.carrier,
        "origin": flight.origin,
        "dest": flight.dest,
        "distance": flight.distance,
        "wind": flight.wind,
        "rain": flight.rain,
        "visibility": flight.visibility,
        "queue": views.queues(origin=flight.origin, last="1h").flights,
        "origin_delay": views.origins(origin=flight.origin, last="2h").delay,
        "origin_delay_today": views.origins(origin=flight.origin, last="24h").delay,
        "dest_delay": views.dests(dest=flight.dest, last="6h").delay,
        "carrier_delay": views.carriers(carrier=flight.carrier, last="6h").delay,
        "plane_delay": views.planes(tailnum=flight.tailnum, last="12h").delay,
    }
