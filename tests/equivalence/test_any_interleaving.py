"""Merged = batch = speed-only = plain Python, for any log, any cut and any history of batch runs."""

from __future__ import annotations

import json
import math
from array import array
from collections import defaultdict
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from statistics import pvariance
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import SYSTEM, App, Cut, agg
from anabranch.view import Key, Tiles, View
from eventlog.decisions import Publication
from eventlog.log.segment import Segment
from speed.fold import apply, events_of
from speed.state import SpeedState
from tests.tries import tries

Data = dict[str, Any]
Step = str | list[Data]
Place = tuple[Key, int]
START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000


class Ride(BaseModel):
    station: str
    at: datetime
    minutes: float | None = None
    tags: list[str] = []


app = App("rides")
rides = app.stream("rides", Ride, key="station", time="at")
exact: dict[str, Any] = {
    "n": agg.count(),
    "known": agg.count("minutes"),
    "total": agg.sum("minutes"),
    "mean": agg.mean("minutes"),
    "low": agg.min("minutes"),
    "high": agg.max("minutes"),
    "spread": agg.variance("minutes"),
    "first": agg.first("minutes"),
    "last": agg.last("minutes"),
    "riders": agg.distinct("minutes"),
    "seen": agg.collect("minutes"),
}
hourly = app.view("hourly", of=rides, by="station", tile="1h", **exact)
ever = app.view("ever", of=rides, by=("station",), **exact)
tagged = app.view("tagged", of=rides, by=lambda ride: ride.tags, where=lambda ride: ride.minutes != 7.0, **exact)

events = st.builds(
    lambda station, offset_minutes, minutes, tags: {
        "station": station,
        "at": (START + timedelta(minutes=offset_minutes)).isoformat(),
        "minutes": minutes,
        "tags": tags,
    },
    st.sampled_from("ABC"),
    st.integers(-300, 300),  # late and out of order as it comes
    st.one_of(st.none(), st.sampled_from([7.0, 0.1, 0.2, 1e6]), st.floats(-1e3, 1e3)),
    st.lists(st.sampled_from("xyz"), max_size=3),
)
steps = st.lists(
    st.one_of(
        st.lists(events, min_size=1, max_size=6),
        st.sampled_from(["started", "published", "failed", "killed", "corrupt"]),
    ),
    max_size=25,
)


class World:
    """A log and the fold of it, with batch runs that are computed by folding slices on their own."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.state = SpeedState()
        self.generations: dict[int, dict[str, Tiles]] = {}
        self.corrupt: set[int] = set()
        self.running: tuple[str, Cut] | None = None
        self.runs = 0

    def append(self, stream: str, data: list[Data]) -> None:
        times = [_us(d["at"]) if stream == "rides" else 0 for d in data]
        heads = orjson.dumps([[None] * len(data), [None] * len(data)])
        segment = Segment(0, self.end, stream, 0, array("q", times), heads, orjson.dumps(data))
        self.segments.append(segment)
        apply(self.state, segment, app, self.can_serve)

    @property
    def end(self) -> int:
        return self.segments[-1].end if self.segments else 0

    def can_serve(self, publication: Publication) -> bool:
        return publication.generation not in self.corrupt

    def step(self, step: Step, slice_records: int) -> None:
        if isinstance(step, list):
            self.append("rides", step)
        elif step == "started":
            self.runs += 1
            self.running = (f"run{self.runs}", Cut((self.end,)))
            self.append(SYSTEM, [{"kind": "batch_started", "run": f"run{self.runs}"}])
        elif self.running is None:
            return
        elif step == "failed":
            self.append(SYSTEM, [{"kind": "batch_failed", "run": self.running[0], "error": "x"}])
            self.running = None
        elif step == "killed":
            self.running = None  # not a word in the log
        else:
            run, cut = self.running
            number = len(self.generations) + 1
            self.generations[number] = {name: self.batch(view, cut, slice_records) for name, view in app.views.items()}
            if step == "corrupt":
                self.corrupt.add(number)
            marker = {"kind": "batch_published", "run": run, "generation": number, "cut": str(cut)}
            self.append(SYSTEM, [marker | {"manifest_sha256": ""}])
            self.running = None

    def batch(self, view: View, cut: Cut, slice_records: int) -> Tiles:
        """Slices folded apart and merged: what the batch layer does."""
        merged: Tiles = {}
        for start in range(0, cut.offsets[0], slice_records):
            end = min(start + slice_records, cut.offsets[0])
            tiles: Tiles = {}
            for segment in self.segments:
                if segment.stream == "rides" and segment.offset < end and segment.end > start:
                    view.fold(tiles, events_of(segment.tail(start).head(end), app))
            view.merge_tiles(merged, tiles)
        return merged

    def merged(self, view: View) -> dict[Place, Any]:
        publication = self.state.publication
        layers = [epoch.tiles.get(view.name, {}) for epoch in self.state.epochs]
        if publication is not None:
            layers.insert(0, self.generations[publication.generation][view.name])
        answer: Tiles = {}
        for tiles in layers:
            view.merge_tiles(answer, deepcopy_tiles(view, tiles))
        return presented(view, answer)

    def speed_only(self, view: View) -> dict[Place, Any]:
        state = SpeedState()
        for segment in self.segments:
            apply(state, segment, app, lambda _: False)
        tiles: Tiles = {}
        for epoch in state.epochs:
            view.merge_tiles(tiles, epoch.tiles.get(view.name, {}))
        return presented(view, tiles)


def deepcopy_tiles(view: View, tiles: Tiles) -> Tiles:
    return {k: {s: view.unpack(deepcopy(view.pack(c))) for s, c in by_start.items()} for k, by_start in tiles.items()}


def presented(view: View, tiles: Tiles) -> dict[Place, Any]:
    return {(k, s): view.present(c) for k, by_start in tiles.items() for s, c in by_start.items()}


def _us(text: str) -> int:
    return round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def plain_python(view: View, segments: list[Segment]) -> dict[Place, Any]:
    """What the view says, in the plainest Python there is."""
    found = defaultdict(list)
    for segment in segments:
        for index, data in enumerate(json.loads(segment.data) if segment.stream == "rides" else []):
            keys = [data["station"]] if view is not tagged else data["tags"] if data["minutes"] != 7.0 else []
            for key in keys:
                tile = _us(data["at"]) // HOUR_US * HOUR_US if view is hourly else 0
                found[(key,), tile].append((_us(data["at"]), segment.offset + index, data["minutes"]))
    return {place: _answers(sorted(rows)) for place, rows in found.items()}


def _answers(rows: list[tuple[int, int, float | None]]) -> dict[str, Any]:
    values = [value for _, _, value in rows if value is not None]
    return {
        "n": len(rows),
        "known": len(values),
        "total": math.fsum(values),
        "mean": math.fsum(values) / len(values) if values else None,
        "low": min(values, default=None),
        "high": max(values, default=None),
        "spread": pvariance(values) if values else None,
        "first": values[0] if values else None,
        "last": values[-1] if values else None,
        "riders": len(set(values)),
        "seen": sorted(set(values)),
    }


def assert_same(found: dict[Place, Any], expected: dict[Place, Any]) -> None:
    assert found.keys() == expected.keys()
    for place, answers in expected.items():
        scale = max(map(abs, answers["seen"]), default=0.0)
        for name, value in answers.items():
            bound = 1e-9 * (scale**2 if name == "spread" else scale * max(answers["known"], 1))
            same = (
                math.isclose(found[place][name], value, rel_tol=1e-9, abs_tol=bound)
                if isinstance(value, float)
                else found[place][name] == value
            )
            assert same, f"{place} {name}: {found[place][name]} where plain Python finds {value}"


@settings(max_examples=tries(75, 2_000))
@given(steps=steps, slice_records=st.integers(1, 20))
def test_merged_equals_speed_only_equals_plain_python_whatever_the_batch_runs_did(
    steps: list[Step], slice_records: int
) -> None:
    world = World()
    for step in steps:
        world.step(step, slice_records)
    for view in app.views.values():
        expected = plain_python(view, world.segments)
        assert_same(world.merged(view), expected)
        assert_same(world.speed_only(view), expected)
        assert_same(presented(view, world.batch(view, Cut((world.end,)), slice_records)), expected)


@settings(max_examples=tries(50, 2_000))
@given(steps=steps)
def test_epochs_abut_the_batch_and_are_never_more_than_two(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        world.step(step, 5)
        covered = world.state.publication.cut if world.state.publication else Cut()
        starts = [epoch.start.offsets[0] for epoch in world.state.epochs]
        assert starts[0] == covered.offsets[0]
        assert starts == sorted(starts)
        assert len(starts) <= 2
