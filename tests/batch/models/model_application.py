"""An application with models: a regression, a binary one with a label that comes later, and a multiclass one."""

from datetime import datetime
from typing import Any

from lightgbm import LGBMClassifier, LGBMRegressor
from pydantic import BaseModel
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from anabranch import App, Label, agg

app = App("learning")


class Ride(BaseModel):
    ride_id: str
    station: str
    member: bool = False
    at: datetime
    minutes: float | None = None


class Offer(BaseModel):
    offer_id: str | None = None
    station: str
    price: float
    at: datetime


class Answer(BaseModel):
    offer: str | None = None
    taken: bool | None = None
    at: datetime


rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
offers = app.stream("offers", Offer, key="station", time="at")
answers = app.stream("answers", Answer, time="at")

usage = app.view(
    "usage",
    of=rides,
    by="station",
    tile="1h",
    keep="2d",
    n=agg.count(),
    minutes=agg.mean("minutes"),
    sum=agg.sum("minutes"),
)
ever = app.view(
    "ever", of=rides, by="station", n=agg.count(), riders=agg.distinct("ride_id"), p90=agg.quantile("minutes", 0.9)
)
members = app.view("members", of=rides, by="member", where=lambda ride: ride.station != "C", n=agg.count())
taken = app.view("taken", of=answers, tile="6h", n=agg.count(), yes=agg.count(where=lambda answer: answer.taken))


def none() -> Any:
    raise AssertionError("the batch layer makes no speed model")


@app.model(
    "duration",
    on=rides,
    label="minutes",
    task="regression",
    batch=lambda: {
        "trees": LGBMRegressor(n_estimators=10, min_child_samples=5, num_leaves=7),
        "histogram": HistGradientBoostingRegressor(max_iter=5),
        "line": Ridge(),
    },
    speed=none,
)
def duration(ride: Ride, views: Any) -> dict[str, Any]:
    if ride.ride_id.endswith("!"):
        raise ValueError(f"cannot read {ride.ride_id}")
    recent, day = views.usage(station=ride.station, last="3h"), views.usage(station=ride.station, last="1d")
    always, answered = views.ever(station=ride.station), views.taken(last="12h")
    return {
        "hour": ride.at.hour,
        "station": ride.station,
        "member": ride.member,
        "recent": recent.minutes,
        "recent_n": recent.n,
        "day_sum": day.sum,
        "kept_n": views.usage(station=ride.station).n,
        "ever_n": always.n,
        "riders": always.riders,
        "p90": always.p90,
        "same": views.members(member=ride.member).n,
        "answered": answered.n,
        "yes": answered.yes,
    }


@app.model(
    "acceptance",
    on=offers,
    label=Label(answers, field="taken", join=("offer_id", "offer"), within="2h", missing=False),
    task="binary",
    batch=lambda: [LGBMClassifier(n_estimators=5, min_child_samples=5), LogisticRegression()],
    speed=none,
)
def acceptance(offer: Offer, views: Any) -> dict[str, Any]:
    return {"price": offer.price, "station": offer.station, "busy": views.usage(station=offer.station, last="1h").n}


@app.model(
    "where",
    on=rides,
    label="station",
    task="multiclass",
    batch=lambda: LGBMClassifier(n_estimators=5, min_child_samples=5),
    speed=none,
)
def where(ride: Ride, views: Any) -> dict[str, Any]:
    return {"hour": ride.at.hour, "minutes": ride.minutes, "members": views.members(member=True).n}
