"""How an answer is taken from a state: whatever is asked, it is what the epochs hold at one cut."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import App, Cut
from anabranch.features.fold import FailedFeatures
from anabranch.view import View, key_order
from speed.fold import apply
from speed.learning.forecast import PendingForecast
from speed.state import Epoch, SpeedState
from speed.still_reader import StillReader
from speed.tile_selection import Place, TileSelection
from tests.speed.conftest import make_app, ride, segment
from tests.speed.learning.learner_world import World
from tests.speed.learning.learner_world import make_app as make_learning_app
from tests.speed.learning.learner_world import ride as learning_ride

RIDES = st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.integers(0, 3)), max_size=15)


def folded(app: App, rides: list[tuple[str, int]], border: int) -> SpeedState:
    """A state of two epochs, the second of which begins at `border`."""
    state = SpeedState()
    for offset, (station, hour) in enumerate(rides):
        if offset == border:
            state.epochs.append(Epoch(Cut((offset,)), "r"))
        apply(state, segment(offset, "rides", [ride(station, 1.0, hour)], hour), app, lambda _: True)
    return state


def page(
    reader: StillReader, view: View, keys: dict[str, Any], place: Place | None, limit: int
) -> list[tuple[Place, Any]]:
    selection = TileSelection(None, None, place, limit, total=False)
    found = reader.tiles(view, keys, place, lambda _: selection, None)
    assert found is not None
    assert found.taken is not None
    return [((key, start), view.present(cells)) for key, start, cells in found.taken.rows(view)]


@given(RIDES, st.integers(0, 15), st.integers(1, 4))
def test_pages_of_all_keys_join_to_the_point_reads_of_each(
    rides: list[tuple[str, int]], border: int, limit: int
) -> None:
    app = make_app(keep="99d")
    reader, view = StillReader(app, folded(app, rides, border)), app.views["hourly"]
    whole: list[tuple[Place, Any]] = []
    while found := page(reader, view, {}, whole[-1][0] if whole else None, limit):
        assert len(found) <= limit
        whole += found
    each = [row for station in "ABCDEFG" for row in page(reader, view, {"station": station}, None, 100)]
    assert whole == each
    assert whole == sorted(whole, key=lambda row: (key_order(row[0][0]), row[0][1]))
    assert sum(answer["n"] for _, answer in whole) == len(rides)


def test_only_the_cut_and_the_selection_can_be_asked_for(app: App) -> None:
    reader = StillReader(app, folded(app, [("A", 0), ("B", 1)], 9))
    clocks: list[int | None] = []

    def choose(clock: int | None) -> None:
        clocks.append(clock)

    found = reader.tiles(app.views["hourly"], {}, None, choose, None, take=False)
    assert found is not None
    assert (found.cut, found.selection, found.taken) == (Cut((2,)), None, None)
    assert clocks == [3_600_000_000], "the newest event time of the view's stream"


def example(world: World) -> Any:
    model = world.app.models["minutes"]
    return model.example.read(orjson.dumps(learning_ride(2.0)))


@pytest.mark.parametrize("broken", [False, True])
def test_a_model_is_asked_as_everything_stands_and_what_its_function_raises_is_the_answer(broken: bool) -> None:
    def features(ride: Any, views: Any) -> dict[str, Any]:
        return {"x": ride.x / (0 if broken else 1)}

    world = World(make_learning_app(features=features))
    world.append("rides", learning_ride(1.0, 5.0))
    reader = StillReader(world.app, world.state)
    before = world.report
    found = reader.ask(world.app.models["minutes"], example(world), None)
    if broken:
        assert isinstance(found, FailedFeatures)
        assert found.reason.startswith("ZeroDivisionError")
    else:
        assert isinstance(found, PendingForecast)
        assert (found.features, found.cut) == ({"x": 2.0}, Cut((1,)))
    assert world.report == before, "to ask changes nothing"


def test_a_report_is_of_one_moment_and_goes_to_another_process_as_plain_data() -> None:
    world = World(make_learning_app(), 1)
    world.publish(1, minutes=1)
    world.append("rides", learning_ride(1.0, 5.0))
    reader, model = StillReader(world.app, world.state), world.app.models["minutes"]
    report = reader.report_of(model)
    assert (report.moment, report.champions.versions) == (reader.moment(), (1,))
    cut, reports = reader.reports()
    assert cut == report.moment.cut
    assert orjson.loads(orjson.dumps(reports)) == reports
    assert reports == {
        "minutes": {
            "task": "regression",
            "metric": "squared_error",
            "champions": [1],
            "learner": report.learner,
        }
    }
