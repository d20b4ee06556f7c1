"""Every stream of the study with the speed models that learn it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.quality import speed_models
from bench.quality.classes import Clicks, Delayed, Http, Votes
from bench.quality.numbers import BeijingAir, BikeHourly, Flights, Retail, Trips
from bench.quality.stream import Stream


@dataclass(frozen=True)
class Case:
    """A stream and its speed models.

    Attributes
    ----------
    models
        By the expert's name: "speed" is the one of the first table; "plain" is River's linear regression as it
        comes, which diverges on some.
    """

    stream: type[Stream]
    models: dict[str, Callable[[], Any]]

    @property
    def name(self) -> str:
        return f"{self.stream.file}{self.stream.part}"


def unseen(case: Case, **taken: Any) -> Case:
    """The same case on rows that nobody looked at while the blend was made: as many again, or what is said."""
    first, last = case.stream.first, case.stream.last
    taken = taken or {"first": last, "last": last + last - first, "part": f", rows from {last:,} on"}
    return Case(type(f"Unseen{case.stream.__name__}", (case.stream,), taken), case.models)


CASES = [
    Case(BikeHourly, {"speed": speed_models.slow, "plain": speed_models.plain}),
    Case(BeijingAir, {"speed": speed_models.adaptive, "plain": speed_models.plain}),
    Case(Flights, {"speed": speed_models.adaptive, "plain": speed_models.plain}),
    Case(Trips, {"speed": speed_models.adaptive, "plain": speed_models.plain}),
    Case(Retail, {"speed": speed_models.slow, "plain": speed_models.plain}),
    Case(Delayed, {"speed": speed_models.logistic}),
    Case(Http, {"speed": speed_models.logistic}),
    Case(Votes, {"speed": speed_models.softmax}),
    Case(Clicks, {"speed": speed_models.softmax}),
]
"""The rows that the blend was made and tuned on."""

_OF_FILE = {case.name: case for case in CASES}
UNSEEN = [
    *(unseen(_OF_FILE[file]) for file in ("beijing_air", "nycflights13", "bayarea_trips_2014", "online_retail")),
    unseen(_OF_FILE["airline_2001"], origins=("DEN", "SFO"), part=", from Denver and San Francisco"),
    *(unseen(_OF_FILE[file]) for file in ("kdd_http", "un_votes")),
]
"""All rows of `bike_hourly` and `eshop_clicks` are among the others."""
