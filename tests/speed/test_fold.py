from __future__ import annotations

import pytest

from anabranch import App, Cut, CutError
from speed.fold import apply
from speed.state import SpeedState
from tests.speed.conftest import ride, segment
from tests.speed.test_decision_effects import counts, fold, yes


@pytest.mark.parametrize("offset", [0, 3])
def test_a_segment_that_does_not_abut_is_an_error_and_changes_nothing(app: App, offset: int) -> None:
    state = fold(app, ride(), ride())
    with pytest.raises(CutError, match="expected the log to go on at 2"):
        apply(state, segment(offset, "rides", [ride()]), app, yes)
    assert counts(state) == [2]
    assert state.cut == Cut((2,))


def test_records_of_streams_that_the_application_no_longer_has_are_passed_over(app: App) -> None:
    state = SpeedState()
    apply(state, segment(0, "gone", [{"x": 1}, {"x": 2}]), app, yes)
    assert state.cut == Cut((2,))


def test_records_fold_the_same_in_whatever_segments_they_come(app: App) -> None:
    rides = [ride(station, float(number), hour=number) for number, station in enumerate("ABAAB")]
    together, apart = SpeedState(), SpeedState()
    apply(together, segment(0, "rides", rides, 4), app, yes)
    for offset, data in enumerate(rides):
        apply(apart, segment(offset, "rides", [data], 4), app, yes)
    assert together.cut == apart.cut == Cut((5,))
    assert together.epochs[0].tiles["ever"] == apart.epochs[0].tiles["ever"]
    assert together.watermarks == apart.watermarks == {"rides": 4 * 3_600_000_000}
