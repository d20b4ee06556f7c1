from __future__ import annotations

import hashlib
import json
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from anabranch import SYSTEM, App, Cut, agg
from eventlog.decisions import Champions
from speed.checkpoint import KEPT, Checkpoints
from speed.errors import CheckpointError
from speed.fold import apply
from speed.state import SpeedState
from tests.speed.conftest import make_app, nobody, ride, segment
from tests.speed.test_decision_effects import published, started, yes


@pytest.fixture
def state(app: App) -> SpeedState:
    state = SpeedState()
    data = [ride("A", 1.5), started("r1"), ride("B", 2.5, 1), published("r1", 1, 1), started("r2"), ride("A", 0.1)]
    for offset, item in enumerate(data):
        apply(state, segment(offset, SYSTEM if "kind" in item else "rides", [item]), app, yes)
    return state


def answers(state: SpeedState, app: App) -> list[dict[tuple[str, Any, int], Any]]:
    return [
        {
            (name, key, start): app.views[name].present(cells)
            for name, tiles in epoch.tiles.items()
            for key, by_start in tiles.items()
            for start, cells in by_start.items()
        }
        for epoch in state.epochs
    ]


def test_a_state_comes_back_as_it_was_saved(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    loaded = checkpoints.load(checkpoints.save(state, app), app, nobody)
    assert (loaded.cut, loaded.publication, loaded.watermarks) == (state.cut, state.publication, state.watermarks)
    assert [(e.start, e.run) for e in loaded.epochs] == [(e.start, e.run) for e in state.epochs]
    assert answers(loaded, app) == answers(state, app)


def test_a_loaded_state_folds_on_like_one_that_never_stopped(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    loaded = checkpoints.load(checkpoints.save(state, app), app, nobody)
    for some in (state, loaded):
        apply(some, segment(some.cut.offsets[0], "rides", [ride("A", 0.2), ride("C", 9.0)]), app, yes)
    assert answers(loaded, app) == answers(state, app)


def test_only_the_newest_few_are_kept(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for offset in (10, 300, 20, 100):
        state.cut = Cut((offset,))
        checkpoints.save(state, app)
    assert [int(path.stem) for path in checkpoints.newest_first()] == [300, 100][:KEPT]
    assert {path.suffix for path in tmp_path.iterdir()} == {".checkpoint"}


def test_what_was_just_saved_is_kept_beside_others_of_later_cuts(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for offset in (300, 400, 10, 20):
        state.cut = Cut((offset,))
        assert checkpoints.save(state, app) in checkpoints.newest_first()
    assert [int(path.stem) for path in checkpoints.newest_first()] == [400, 20]


def test_a_checkpoint_cut_off_or_altered_anywhere_is_refused(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state, app)
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        path.write_bytes(whole[:position])
        with pytest.raises(CheckpointError, match=path.name):
            checkpoints.load(path, app, nobody)
    for position in range(512, len(whole), 37):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(CheckpointError, match="sha256"):
            checkpoints.load(path, app, nobody)


def test_a_checkpoint_of_other_definitions_is_refused_and_names_them(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state, app)
    with pytest.raises(CheckpointError, match="other definitions: ever changed"):
        checkpoints.load(path, make_app(longest=agg.max("minutes")), nobody)


def test_a_checkpoint_of_a_shorter_keep_is_refused_for_it_has_dropped_tiles(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state, app)
    with pytest.raises(CheckpointError, match="hourly changed"):
        checkpoints.load(path, make_app(keep="3h"), nobody)
    assert checkpoints.load(path, make_app(keep="1h"), nobody).cut == state.cut


def without_champions(path: Path) -> None:
    """Make a checkpoint what earlier releases wrote: it does not say who the champions are."""
    raw = path.read_bytes()
    header, payload = json.loads(raw[:512]), BytesIO(raw[512:])
    head = pickle.load(payload)
    del head["champions"]
    changed = pickle.dumps(head) + payload.read()
    header |= {"bytes": len(changed), "sha256": hashlib.sha256(changed).hexdigest()}
    path.write_bytes(json.dumps(header).encode().ljust(512 - 1) + b"\n" + changed)


def test_a_checkpoint_keeps_the_champions_and_one_of_an_earlier_release_asks_for_those_at_its_cut(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    state.champions = {"minutes": Champions((1, 4))}
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state, app)
    assert checkpoints.load(path, app, nobody).champions == state.champions
    without_champions(path)
    asked: list[Cut] = []

    def champions_at(cut: Cut) -> dict[str, Champions]:
        asked.append(cut)
        return {"minutes": Champions((7,))}

    loaded = checkpoints.load(path, app, champions_at)
    assert (loaded.champions, asked) == ({"minutes": Champions((7,))}, [state.cut])
    assert [epoch.start for epoch in loaded.epochs] == [epoch.start for epoch in state.epochs]
