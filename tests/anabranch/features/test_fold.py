"""The fold of views and features: each event sees what was there just before it, and none sees itself."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from anabranch import App, Events, agg
from anabranch.features.fold import FailedFeatures, fold
from anabranch.features.lookups import Lookups
from anabranch.view import Tiles
from anabranch.watermarks import Watermarks


class Ride(BaseModel):
    station: str
    minutes: float


def make_app() -> App:
    app = App("rides")
    rides = app.stream("rides", Ride)
    app.view("ever", of=rides, by="station", n=agg.count(), total=agg.sum("minutes"))
    app.view("fragile", of=rides, by=lambda ride: ride.station[3], n=agg.count())

    @app.model("m", on=rides, label="minutes", task="regression", batch=lambda: None, speed=lambda: None)
    def features(ride: Any, views: Any) -> dict[str, Any]:
        if ride.station == "broken":
            raise ValueError("planted")
        before = views.ever(station=ride.station)
        return {"n": before.n, "total": before.total}

    return app


class World:
    """Tiles that are folded stretch by stretch."""

    def __init__(self) -> None:
        self.app = make_app()
        self.tiles: dict[str, Tiles] = {}
        self.watermarks: Watermarks = {}
        self.lookups = Lookups(self.app.views, None, [self.tiles], self.watermarks)
        self.offset = 0

    def fold(self, *rides: tuple[str, float], times: list[int] | None = None) -> tuple[list[Any], dict[str, int]]:
        events = Events(
            self.app.streams["rides"], 0, self.offset, times or [5] * len(rides),
            orjson.dumps([{"station": station, "minutes": minutes} for station, minutes in rides]),
        )  # fmt: skip
        self.offset += len(rides)
        models = list(self.app.models.values())
        frozen, failures = fold(
            list(self.app.views.values()), models, self.tiles, self.lookups, self.watermarks, events
        )
        return frozen["m"], dict(failures)


def test_an_event_sees_those_before_it_in_its_stretch_and_in_earlier_ones_but_not_itself() -> None:
    world = World()
    found, _ = world.fold(("A", 5.0), ("B", 1.0), ("A", 7.0))
    assert found == [{"n": 0, "total": 0.0}, {"n": 0, "total": 0.0}, {"n": 1, "total": 5.0}]
    assert world.fold(("A", 9.0))[0] == [{"n": 2, "total": 12.0}]


def test_where_the_function_raises_the_event_has_a_reason_and_is_folded_all_the_same() -> None:
    world = World()
    found, _ = world.fold(("broken", 3.0), ("A", 1.0))
    assert isinstance(found[0], FailedFeatures)
    assert found[0].reason.startswith("ValueError: planted (test_fold.py:")
    assert isinstance(found[0].error, ValueError)
    assert found[1] == {"n": 0, "total": 0.0}
    assert world.app.views["ever"].present(world.tiles["ever"][("broken",)][0])["n"] == 1


def test_a_view_whose_function_raises_is_counted_and_harms_no_other() -> None:
    world = World()
    _, failures = world.fold(("A", 1.0), ("long enough", 1.0), ("B", 1.0))
    assert failures["fragile"] == 2
    assert failures.get("ever", 0) == 0
    assert world.tiles["fragile"].keys() == {("g",)}
    assert world.tiles["ever"].keys() == {("A",), ("B",), ("long enough",)}


def test_the_watermark_moves_with_the_stretch_and_never_back() -> None:
    world = World()
    world.fold(("A", 1.0), ("A", 1.0), times=[30, 10])
    assert world.watermarks == {"rides": 30}
    world.fold(("A", 1.0), times=[20])
    assert world.watermarks == {"rides": 30}


def test_a_stretch_that_cannot_be_decoded_changes_nothing() -> None:
    world = World()
    world.fold(("A", 1.0))
    before = dict(world.watermarks), {name: dict(tiles) for name, tiles in world.tiles.items()}
    broken = Events(world.app.streams["rides"], 0, 1, [99], b"[{")
    with pytest.raises(ValueError, match=r"unexpected end|EOF"):
        fold(list(world.app.views.values()), [], world.tiles, world.lookups, world.watermarks, broken)
    assert (dict(world.watermarks), world.tiles) == before
