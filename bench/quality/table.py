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
        return self.stream.file


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
