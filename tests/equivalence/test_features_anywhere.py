"""Features are what a few lines of plain Python compute from the events before, whatever batch runs came between."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from river import linear_model

from anabranch import SYSTEM, App, Cut, Events, Model, View, agg
from anabranch.contributions import Cells, Key
from anabranch.features.fold import features_of
from anabranch.instant import instant_us
from anabranch.view import Tiles
from eventlog.decisions import Publication
from eventlog.log.segment import Segment
from speed.base_layer import Predictor
from speed.fold import apply, events_of
from speed.learning.learner import Learner
from speed.state import SpeedState
from tests.tries import tries

HOUR = 3_600_000_000
START = datetime(2024, 3, 1, tzinfo=UTC)


class Ride(BaseModel):
    station: str
    at: datetime
    bikes: int | None = None
    minutes: float = Field(ge=0)


class Note(BaseModel):
    station: str
    at: datetime


def make_app(seen: list[dict[str, Any]]) -> App:
    app = App("rides")
    rides = app.stream("rides", Ride, time="at")
    notes = app.stream("notes", Note, time="at")
    app.view("hourly", of=rides, by="station", tile="1h", keep="5h", n=agg.count(), mean=agg.mean("minutes"))
    app.view("ever", of=rides, by=("station", "bikes"), n=agg.count(), low=agg.min("minutes"), top=agg.sum("bikes"))
    app.view("noted", of=notes, by=lambda note: [note.station, "all"], tile="1h", n=agg.count())

    @app.model(
        "minutes", on=rides, label="minutes", task="regression", batch=lambda: None, speed=linear_model.LinearRegression
    )
    def features(ride: Ride, views: Any) -> dict[str, Any]:
        recent, kept = views.hourly(station=ride.station, last="2h"), views.hourly(station=ride.station)
        ever = views.ever(bikes=ride.bikes, station=ride.station)
        notes = views.noted(key="all", last="90m")
        found = {"n": recent.n, "mean": recent.mean, "kept": kept.n, "ever": ever.n, "low": ever.low, "sum": ever.top}
        found |= {"notes": notes.n, "mine": views.noted(key=ride.station).n, "hour": ride.at.hour}
        seen.append(found)
        return dict(found)

    return app


def expected(before: list[tuple[str, dict[str, Any]]], ride: dict[str, Any]) -> dict[str, Any]:
    """The same in plain Python, from all events before."""
    now = us(ride)
    rides = [data for stream, data in before if stream == "rides"]
    notes = [data for stream, data in before if stream == "notes"]
    newest = max((us(data) for data in rides), default=None)
    mine = [data for data in rides if data["station"] == ride["station"]]
    shown = [d for d in mine if tile(us(d)) <= tile(now) and (newest is None or tile(us(d)) > newest - 6 * HOUR)]
    recent = [data for data in shown if tile(us(data)) >= tile(now + 1 - 2 * HOUR)]
    same = [data for data in mine if data.get("bikes") == ride.get("bikes")]
    before_now = [data for data in notes if tile(us(data)) <= tile(now)]
    return {
        "n": len(recent),
        "mean": sum(d["minutes"] for d in recent) / len(recent) if recent else None,
        "kept": len(shown),
        "ever": len(same),
        "low": min((d["minutes"] for d in same), default=None),
        "sum": sum(d["bikes"] for d in same if d.get("bikes") is not None),
        "notes": sum(tile(us(d)) >= tile(now + 1 - 3 * HOUR // 2) for d in before_now),
        "mine": sum(d["station"] == ride["station"] for d in before_now),
        "hour": datetime.fromisoformat(ride["at"]).hour,
    }


def us(data: dict[str, Any]) -> int:
    return instant_us(data["at"])


def tile(time: int) -> int:
    return time - time % HOUR


def at(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


# in quarters: their means are the same floats in any order
ride_events = st.builds(
    lambda station, bikes, offset, minutes: (
        "rides",
        {"station": station, "bikes": bikes, "at": at(offset), "minutes": minutes / 4},
    ),
    st.sampled_from("AB"),
    st.sampled_from([None, 1, 2]),
    st.integers(-400, 400),  # late, and across the hours that are kept
    st.integers(0, 400),
)
note_events = st.builds(
    lambda station, offset: ("notes", {"station": station, "at": at(offset)}),
    st.sampled_from("AB"),
    st.integers(-300, 300),
)
steps = st.lists(
    st.one_of(st.lists(ride_events, min_size=1, max_size=5), st.lists(note_events, min_size=1, max_size=3),
              st.sampled_from(["started", "published", "failed"])),
    max_size=20,
)  # fmt: skip


class FixedLayer:
    """A generation in memory."""

    def __init__(self, tiles: dict[str, Tiles]):
        self.tiles = tiles

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        found = self.tiles.get(view.name, {}).get(key, {})
        return {start: cells for start, cells in found.items() if first is None or start >= first}

    def predictor(self, model: Model, version: int) -> Predictor | None:
        return None

    def watermarks(self, app: App) -> dict[str, int]:
        return {}

    def holdout_loss(self, model: Model, version: int) -> float | None:
        return None


class World:
    """A log, its fold, and generations that are made by folding everything before a cut."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.app = make_app(self.seen)
        self.state = SpeedState(learners={name: Learner(model) for name, model in self.app.models.items()})
        self.segments: list[Segment] = []
        self.generations: list[FixedLayer] = []
        self.cut: int | None = None

    def append(self, stream: str, data: list[dict[str, Any]]) -> None:
        offset = self.segments[-1].end if self.segments else 0
        times = array("q", [us(d) if "at" in d and stream != SYSTEM else 0 for d in data])
        heads = orjson.dumps([[None] * len(data)] * 2)
        segment = Segment(0, offset, stream, 0, times, heads, orjson.dumps(data))
        self.segments.append(segment)
        apply(self.state, segment, self.app, lambda _: True, self.published)

    def published(self, publication: Publication) -> FixedLayer:
        return self.generations[publication.generation - 1]

    def mark(self, step: str) -> None:
        end = self.segments[-1].end if self.segments else 0
        if step == "started":
            self.append(SYSTEM, [{"kind": "batch_started", "run": f"run{end}"}])
            self.cut, self.run = end, f"run{end}"
        elif self.cut is not None and step == "failed":
            self.append(SYSTEM, [{"kind": "batch_failed", "run": self.run, "error": "x"}])
            self.cut = None
        elif self.cut is not None:
            tiles: dict[str, Tiles] = {}
            for segment in self.segments:
                if segment.stream != SYSTEM and segment.offset < self.cut:
                    for view in self.app.views_of(segment.stream):
                        view.fold(tiles.setdefault(view.name, {}), events_of(segment, self.app))
            self.generations.append(FixedLayer(tiles))
            publication = Publication(len(self.generations), Cut((self.cut,)), "", self.run)
            self.append(SYSTEM, [publication.event()])
            self.cut = None


def in_one_stream(step: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    yield step[0][0], [data for _, data in step]


@settings(max_examples=tries(75, 2_000))
@given(steps)
def test_frozen_features_are_those_of_plain_python(steps: list[Any]) -> None:
    world, before = World(), list[tuple[str, dict[str, Any]]]()
    wanted = []
    for step in steps:
        if isinstance(step, str):
            world.mark(step)
            continue
        for stream, data in step:
            if stream == "rides":
                wanted.append(expected(before, data))
            before.append((stream, data))
        for stream, data_list in in_one_stream(step):
            world.append(stream, data_list)
    assert world.seen == wanted
    assert world.state.learners["minutes"].failed == 0


@settings(max_examples=tries(25, 2_000))
@given(steps, ride_events)
def test_a_prediction_request_gets_the_features_that_the_event_would(steps: list[Any], ride: Any) -> None:
    world = World()
    for step in steps:
        if isinstance(step, str):
            world.mark(step)
        else:
            for stream, data in in_one_stream(step):
                world.append(stream, data)
    model, data = world.app.models["minutes"], ride[1]
    world.state.attach_generation(world.app, world.published)
    assert world.state.lookups is not None
    world.state.lookups.now = us(data)
    unlabelled = {name: value for name, value in data.items() if name != "minutes"}
    asked = features_of(model, model.example.read(orjson.dumps(unlabelled)), world.state.lookups.views)
    world.append("rides", [data])
    assert asked == world.seen[-1]


def test_what_a_run_is_cut_into_makes_no_difference() -> None:
    data = [{"station": "AB"[i % 2], "at": at(i * 7 % 300), "minutes": i / 4, "bikes": i % 3} for i in range(200)]
    found = []
    for most in (1, 3, 64, 200):
        seen: list[dict[str, Any]] = []
        app = make_app(seen)
        state = SpeedState(learners={name: Learner(model) for name, model in app.models.items()})
        whole = Events(app.streams["rides"], 0, 0, [us(d) for d in data], orjson.dumps(data))
        for piece in whole.pieces(most):
            segment = Segment(0, piece.offset, "rides", 0, array("q", piece.times), b"[]", orjson.dumps(piece.values))
            apply(state, segment, app, lambda _: True)
        found.append((seen, state.learners["minutes"].report()))
    assert all(other == found[0] for other in found)
