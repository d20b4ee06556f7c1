from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from anabranch import SYSTEM, App, Cut, agg
from eventlog.decisions import Champions
from eventlog.home_key import HomeKey
from eventlog.registry.replicas import Need
from speed.checkpoint import FORMAT, KEPT, Checkpoints
from speed.errors import CheckpointError
from speed.fold import apply
from speed.state import SpeedState
from tests.home_key import KEY
from tests.speed.conftest import make_app, ride, segment
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
    checkpoints = Checkpoints(tmp_path, KEY)
    loaded = checkpoints.load(checkpoints.save(state, app), app)
    assert (loaded.cut, loaded.publication, loaded.watermarks) == (state.cut, state.publication, state.watermarks)
    assert [(e.start, e.run) for e in loaded.epochs] == [(e.start, e.run) for e in state.epochs]
    assert answers(loaded, app) == answers(state, app)


def test_a_loaded_state_folds_on_like_one_that_never_stopped(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    loaded = checkpoints.load(checkpoints.save(state, app), app)
    for some in (state, loaded):
        apply(some, segment(some.cut.offsets[0], "rides", [ride("A", 0.2), ride("C", 9.0)]), app, yes)
    assert answers(loaded, app) == answers(state, app)


def test_what_the_oldest_that_is_kept_stands_on_is_needed(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    assert checkpoints.need() is None
    fresh = SpeedState()
    apply(fresh, segment(0, "rides", [ride("A")]), app, yes)
    checkpoints.save(fresh, app)
    assert checkpoints.need() == Need(1, None)
    apply(fresh, segment(1, "rides", [ride("A")]), app, yes)
    checkpoints.save(fresh, app)
    checkpoints.save(state, app)
    assert checkpoints.need() == Need(2, 1)
    checkpoints.newest_first()[1].write_bytes(b"torn")
    assert checkpoints.need() == Need(6, 1)


def test_what_a_checkpoint_of_an_earlier_release_needs_is_in_its_content(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(state, app)
    content = path.read_bytes()
    header = json.loads(content[:512])
    del header["generation"], header["mac"]
    header["mac"] = KEY.mac(FORMAT, json.dumps(header, sort_keys=True).encode())
    path.write_bytes(json.dumps(header).encode().ljust(511) + b"\n" + content[512:])
    assert checkpoints.need() == Need(6, 1)
    assert checkpoints.load(path, app).cut == state.cut


def test_a_checkpoint_that_cannot_be_read_now_is_not_said_to_be_unusable(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(state, app)
    path.unlink()
    path.symlink_to(path)  # a link that leads to itself stands for a disk that does not answer
    with pytest.raises(OSError, match="symbolic links"):
        checkpoints.load(path, app)
    with pytest.raises(OSError, match="symbolic links"):
        checkpoints.need()


def test_only_the_newest_few_are_kept(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    for offset in (10, 300, 20, 100):
        state.cut = Cut((offset,))
        checkpoints.save(state, app)
    assert [int(path.stem) for path in checkpoints.newest_first()] == [300, 100][:KEPT]
    assert {path.suffix for path in tmp_path.iterdir()} == {".checkpoint"}


def test_what_a_process_left_of_a_checkpoint_goes_with_the_next_one(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    (tmp_path / f"{7:020d}.part").touch()
    saved = checkpoints.save(state, app)
    assert list(tmp_path.iterdir()) == [saved]


def test_what_was_just_saved_is_kept_beside_others_of_later_cuts(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    for offset in (300, 400, 10, 20):
        state.cut = Cut((offset,))
        assert checkpoints.save(state, app) in checkpoints.newest_first()
    assert [int(path.stem) for path in checkpoints.newest_first()] == [400, 20]


def test_a_checkpoint_cut_off_or_altered_anywhere_is_refused(app: App, state: SpeedState, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(state, app)
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        path.write_bytes(whole[:position])
        with pytest.raises(CheckpointError, match=path.name):
            checkpoints.load(path, app)
    for position in range(512, len(whole), 37):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(CheckpointError, match="sha256"):
            checkpoints.load(path, app)


def test_a_checkpoint_of_other_definitions_is_refused_and_names_them(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(state, app)
    with pytest.raises(CheckpointError, match="other definitions: ever changed"):
        checkpoints.load(path, make_app(longest=agg.max("minutes")))


def test_a_checkpoint_of_a_shorter_keep_is_refused_for_it_has_dropped_tiles(
    app: App, state: SpeedState, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path, KEY)
    path = checkpoints.save(state, app)
    with pytest.raises(CheckpointError, match="hourly changed"):
        checkpoints.load(path, make_app(keep="3h"))
    assert checkpoints.load(path, make_app(keep="1h")).cut == state.cut


def test_a_checkpoint_keeps_the_champions(app: App, state: SpeedState, tmp_path: Path) -> None:
    state.champions = {"minutes": Champions((1, 4))}
    checkpoints = Checkpoints(tmp_path, KEY)
    assert checkpoints.load(checkpoints.save(state, app), app).champions == state.champions


class Planted:
    """Leaves a file where it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.trace,)


def written(path: Path, payload: bytes, **header: Any) -> Path:
    """A checkpoint as somebody else writes it: with all but the key."""
    whole = {"format": FORMAT, "cut": "0:6", "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    path.write_bytes(json.dumps({**whole, **header}).encode().ljust(512 - 1) + b"\n" + payload)
    return path


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"mac": None},
        {"mac": 5},
        {"mac": ""},
        {"mac": "\u00e9" * 8},
        {"mac": HomeKey(b"the key of somebody else, as long").mac(FORMAT, b"")},
        {"format": "anabranch checkpoint 3"},
    ],
)
def test_what_was_not_made_with_the_key_of_the_home_is_never_unpickled(
    app: App, tmp_path: Path, header: dict[str, Any]
) -> None:
    trace = tmp_path / "trace"
    path = written(tmp_path / "9.checkpoint", pickle.dumps(Planted(trace)), **header)
    with pytest.raises(CheckpointError, match=r"key of this home|an earlier release wrote it, without a MAC"):
        Checkpoints(tmp_path, KEY).load(path, app)
    assert not trace.exists()


def test_a_checkpoint_of_another_home_is_refused(app: App, state: SpeedState, tmp_path: Path) -> None:
    path = Checkpoints(tmp_path, HomeKey.of(tmp_path)).save(state, app)
    with pytest.raises(CheckpointError, match="not made with the key of this home"):
        Checkpoints(tmp_path, KEY).load(path, app)
    assert Checkpoints(tmp_path, HomeKey.of(tmp_path)).load(path, app).cut == state.cut


def test_a_header_of_one_checkpoint_vouches_for_no_other_payload(app: App, state: SpeedState, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = Checkpoints(tmp_path, KEY).save(state, app)
    header = json.loads(path.read_bytes()[:512])
    payload = pickle.dumps(Planted(trace))
    mine = {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    for changed, reason in ((header | mine, "key of this home"), (header, "torn")):
        with pytest.raises(CheckpointError, match=reason):
            Checkpoints(tmp_path, KEY).load(written(path, payload, **changed), app)
    assert not trace.exists()
