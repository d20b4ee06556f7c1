"""The fold of the views alone has what the fold of everything has, and forgets no tile that changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import SYSTEM, App, Cut, CutError
from anabranch.view import Cells, Key
from eventlog.decisions import BatchFailed, BatchStarted, Publication
from speed.fold import apply
from speed.state import SpeedState
from speed.view_fold import ViewFold
from tests.speed.conftest import make_app, ride, segment

HOUR = 3_600_000_000
Shown = dict[str, dict[tuple[Key, int], Any]]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["events", "events", "started", "failed", "published", "look"]),
        st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 9)), min_size=1, max_size=4),
        st.integers(0, 9),
    ),
    max_size=14,
)


def folded_cells(state: SpeedState, app: App) -> Shown:
    """What the epochs of a state hold, merged and presented."""
    found: Shown = {}
    for name, view in app.views.items():
        cells: dict[tuple[Key, int], Cells] = {}
        for epoch in state.epochs:
            for key, by_start in epoch.tiles.get(name, {}).items():
                for start, theirs in by_start.items():
                    cells[key, start] = view.merge(cells.get((key, start), view.zero()), theirs)
        found[name] = {place: view.present(merged) for place, merged in cells.items()}
    return found


def refresh(fold: ViewFold, app: App, shown: Shown) -> None:
    """Bring what is shown up to date by looking at the tiles that are said to have changed, and at no other."""
    for name, view in app.views.items():
        assert fold.is_touched(view) or fold.take(view) == ([], False)
        places, complete = fold.take(view)
        if complete:
            shown[name] = {}
        for key, start in places:
            cells = fold.cells(view, key, start)
            assert cells is not None
            shown[name][key, start] = view.present(cells)


@given(STEPS)
def test_looking_at_what_is_touched_alone_shows_all_there_is(steps: list[Any]) -> None:
    app, whole = make_app(keep="99d"), SpeedState()
    fold = ViewFold(app, SpeedState(), lambda _: True)
    shown: Shown = {name: {} for name in app.views}
    marker: int | None = None
    generation = 0
    for what, rides, hour in steps:
        offset = whole.cut.offsets[0]
        if what == "look":
            refresh(fold, app, shown)
            continue
        if what == "events":
            data = [ride(station, float(minutes), hour) for station, minutes in rides]
            record = segment(offset, "rides", data, hour)
        elif what == "started":
            record, marker = segment(offset, SYSTEM, [BatchStarted("r").event()]), offset
        elif what == "failed":
            record, marker = segment(offset, SYSTEM, [BatchFailed("r", "").event()]), None
        elif marker is None:
            continue
        else:
            generation += 1
            published = Publication(generation, Cut((marker,)), "", "r", {})
            record, marker = segment(offset, SYSTEM, [published.event()]), None
        apply(whole, record, app, lambda _: True)
        fold.fold(record)
        assert (fold.end, fold.publication) == (whole.cut.offsets[0], whole.publication)
        assert fold.clocks == whole.watermarks
    refresh(fold, app, shown)
    assert shown == folded_cells(whole, app)


def test_cells_that_were_handed_out_do_not_change_with_the_fold(app: App) -> None:
    fold = ViewFold(app, SpeedState(), lambda _: True)
    fold.fold(segment(0, "rides", [ride("A", 5.0)]))
    view = app.views["ever"]
    kept = fold.cells(view, ("A",), 0)
    assert kept is not None
    before = view.present(kept)
    fold.fold(segment(1, "rides", [ride("A", 7.0)]))
    assert view.present(kept) == before
    assert fold.cells(view, ("nowhere",), 0) is None


def test_a_gap_in_the_log_is_refused_and_changes_nothing(app: App) -> None:
    fold = ViewFold(app, SpeedState(), lambda _: True)
    fold.fold(segment(0, "rides", [ride()]))
    with pytest.raises(CutError):
        fold.fold(segment(2, "rides", [ride()]))
    assert fold.end == 1


def test_where_tiles_expired_everything_is_looked_at_again(app: App) -> None:
    fold, view = ViewFold(app, SpeedState(), lambda _: True), app.views["hourly"]
    fold.fold(segment(0, "rides", [ride("A", hour=0)], 0))
    fold.fold(segment(1, "rides", [ride("A", hour=9)], 9))
    assert fold.oldest_kept(view) == 7 * HOUR
    fold.take(view)
    fold.drop_expired()
    assert fold.take(view) == ([(("A",), 9 * HOUR)], True)
    fold.drop_expired()
    assert not fold.is_touched(view), "nothing more has expired"
