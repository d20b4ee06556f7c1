from __future__ import annotations

from array import array
from datetime import datetime
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, agg
from eventlog.log import Append
from eventlog.log.segment import Segment


class Ride(BaseModel):
    station: str
    at: datetime
    minutes: float


def make_app(keep: str = "2h", **more: Any) -> App:
    app = App("rides")
    rides = app.stream("rides", Ride, key="station", time="at")
    app.view("hourly", of=rides, by="station", tile="1h", keep=keep, n=agg.count(), total=agg.sum("minutes"))
    app.view("ever", of=rides, by="station", n=agg.count(), people=agg.distinct("minutes"), **more)
    return app


@pytest.fixture
def app() -> App:
    return make_app()


def segment(offset: int, stream: str, data: list[dict[str, Any]], hour: int = 0) -> Segment:
    times = array("q", [hour * 3_600_000_000] * len(data))
    heads = orjson.dumps([[None] * len(data), [None] * len(data)])
    return Segment(0, offset, stream, 0, times, heads, orjson.dumps(data))


def ride(station: str = "A", minutes: float = 1.0, hour: int = 0) -> dict[str, Any]:
    return {"station": station, "at": f"1970-01-01T{hour:02d}:00:00Z", "minutes": minutes}


def append(count: int, station: str = "A", hour: int = 0) -> Append:
    return Append(
        "rides",
        [None] * count,
        [station] * count,
        [hour * 3_600_000_000] * count,
        [orjson.dumps(ride(station, float(number), hour)) for number in range(count)],
    )
