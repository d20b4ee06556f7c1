"""What decisions do to the state, each at its place in the log."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch import SYSTEM, App, Cut, CutError
from speed.fold import apply
from speed.state import SpeedState
from tests.speed.conftest import ride, segment


def yes(_: object) -> bool:
    return True


def no(_: object) -> bool:
    return False


def started(run: str) -> dict[str, Any]:
    return {"kind": "batch_started", "run": run}


def published(run: str, generation: int, cut: int) -> dict[str, Any]:
    return {
        "kind": "batch_published",
        "run": run,
        "generation": generation,
        "cut": f"0:{cut}",
        "manifest_sha256": "",
    }


def counts(state: SpeedState) -> list[int]:
    return [epoch.tiles.get("ever", {}).get(("A",), {}).get(0, [0])[0] for epoch in state.epochs]


def fold(app: App, *data: Any, can_serve: Any = yes) -> SpeedState:
    state = SpeedState()
    for item in data:
        stream = SYSTEM if "kind" in item else "rides"
        apply(state, segment(state.cut.offsets[0], stream, [item]), app, can_serve)
    return state


def test_a_started_batch_opens_an_epoch_at_its_marker(app: App) -> None:
    state = fold(app, ride(), ride(), started("r1"), ride())
    assert [epoch.start for epoch in state.epochs] == [Cut((0,)), Cut((2,))]
    assert counts(state) == [2, 1]


def test_a_published_batch_drops_what_it_covers(app: App) -> None:
    state = fold(app, ride(), ride(), started("r1"), ride(), published("r1", 1, 2), ride())
    assert [epoch.start for epoch in state.epochs] == [Cut((2,))]
    assert counts(state) == [2]
    assert state.publication is not None
    assert state.publication.generation == 1


def test_a_generation_that_cannot_be_served_drops_nothing(app: App) -> None:
    state = fold(app, ride(), started("r1"), ride(), published("r1", 1, 1), ride(), can_serve=no)
    assert state.publication is None
    assert sum(counts(state)) == 3


def test_the_epoch_of_a_failed_run_joins_the_one_before(app: App) -> None:
    state = fold(app, ride(), started("r1"), ride(), {"kind": "batch_failed", "run": "r1", "error": ""}, ride())
    assert counts(state) == [3]


def test_the_epoch_of_an_abandoned_run_joins_at_the_next_marker(app: App) -> None:
    state = fold(app, ride(), started("r1"), ride(), started("r2"), ride())
    assert counts(state) == [2, 1]
    assert [epoch.run for epoch in state.epochs] == [None, "r2"]


def test_a_failure_that_comes_after_the_next_start_changes_nothing(app: App) -> None:
    state = fold(app, ride(), started("r1"), started("r2"), ride(), {"kind": "batch_failed", "run": "r1", "error": ""})
    assert [epoch.run for epoch in state.epochs] == [None, "r2"]


def test_a_publication_that_leaves_a_gap_is_an_error_that_names_the_offsets(app: App) -> None:
    with pytest.raises(CutError, match=r"generation 1 .* expected the log to go on at 0:7, found 0:1"):
        fold(app, ride(), started("r1"), published("r1", 1, 7))


def test_what_a_later_version_of_the_program_decided_changes_nothing(app: App) -> None:
    state = fold(app, ride(), started("r1"), {"kind": "person_erased"}, ride())
    assert [epoch.run for epoch in state.epochs] == [None, "r1"]
    assert (counts(state), state.cut) == ([1, 1], Cut((4,)))


def test_champions_follow_the_decisions_also_of_a_generation_that_cannot_be_served(app: App) -> None:
    promoted = {**published("r1", 1, 1), "promoted": {"m": 1}}
    state = fold(app, ride(), started("r1"), promoted, can_serve=no)
    assert state.publication is None
    assert state.champions["m"].present == 1
