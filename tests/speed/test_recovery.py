"""The decision table of `speed.recovery`, a test a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import App, Cut
from eventlog.decisions import BatchStarted, Champions, Publication
from eventlog.log.memory_log import MemoryLog
from eventlog.log.segment import Segment
from speed.checkpoint import Checkpoints
from speed.fold import apply
from speed.recovery import recover
from speed.state import CanServe, SpeedState
from tests.home_key import KEY
from tests.speed.conftest import append


@pytest.fixture
def log() -> MemoryLog:
    """Three events, generation 1, two events, generation 2, one event."""
    log = MemoryLog()
    for generation, count in ((1, 3), (2, 2)):
        log.append(append(count))
        run = f"r{generation}"
        cut = log.mark({"kind": "batch_started", "run": run})
        log.mark(
            {
                "kind": "batch_published",
                "run": run,
                "generation": generation,
                "cut": f"0:{cut}",
                "manifest_sha256": "",
            }
        )
    log.append(append(1))
    return log


@pytest.fixture
def checkpoints(tmp_path: Path, app: App, log: MemoryLog) -> Checkpoints:
    """One checkpoint before generation 1, one after generation 1, one after generation 2."""
    checkpoints = Checkpoints(tmp_path, KEY)
    save_three(checkpoints, app, log)
    return checkpoints


def save_three(checkpoints: Checkpoints, app: App, log: MemoryLog) -> None:
    import speed.checkpoint

    state, kept = SpeedState(), speed.checkpoint.KEPT
    speed.checkpoint.KEPT = 3
    for segment in log.read(Cut()):
        apply(state, segment, app, lambda _: True)
        if state.cut.offsets[0] in (3, 5, 10):
            checkpoints.save(state, app)
    speed.checkpoint.KEPT = kept


class OfDecisionsAlone(MemoryLog):
    """A log whose events nobody may read."""

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        raise AssertionError(f"the log was read at {cut}")


def intact(*generations: int) -> CanServe:
    return lambda publication: publication.generation in generations


def test_an_intact_checkpoint_with_an_intact_generation_is_taken(
    app: App, log: MemoryLog, checkpoints: Checkpoints
) -> None:
    recovery = recover(app, log, checkpoints, intact(1, 2), None)
    assert recovery.state.cut == Cut((10,))
    assert recovery.problems == []


def test_a_torn_checkpoint_is_named_and_the_next_older_taken(
    app: App, log: MemoryLog, checkpoints: Checkpoints
) -> None:
    newest = checkpoints.newest_first()[0]
    newest.write_bytes(newest.read_bytes()[:600])
    recovery = recover(app, log, checkpoints, intact(1, 2), None)
    assert recovery.state.cut == Cut((5,))
    assert "torn" in recovery.problems[0]
    assert newest.name in recovery.problems[0]


def test_a_checkpoint_whose_generation_is_broken_is_passed_over(
    app: App, log: MemoryLog, checkpoints: Checkpoints
) -> None:
    recovery = recover(app, log, checkpoints, intact(1), None)
    assert recovery.state.cut == Cut((5,))
    assert recovery.state.publication is not None
    assert recovery.state.publication.generation == 1
    assert "generation 2" in recovery.problems[0]


def test_a_checkpoint_without_generation_is_taken_when_no_generation_is_intact(
    app: App, log: MemoryLog, checkpoints: Checkpoints
) -> None:
    recovery = recover(app, log, checkpoints, intact(), None)
    assert recovery.state.cut == Cut((3,))
    assert recovery.state.publication is None


def test_a_checkpoint_that_has_seen_more_than_the_log_is_passed_over(
    app: App, log: MemoryLog, checkpoints: Checkpoints
) -> None:
    recovery = recover(app, MemoryLog(), checkpoints, intact(1, 2), None)
    assert recovery.state.cut == Cut()
    assert "more than the log holds" in recovery.problems[0]


def test_without_checkpoint_the_newest_intact_generation_is_the_beginning(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    recovery = recover(app, log, Checkpoints(tmp_path, KEY), intact(1, 2), None)
    assert recovery.state.cut == Cut((7,))
    assert recovery.state.publication is not None
    assert recovery.state.publication.generation == 2


def test_without_checkpoint_a_broken_generation_is_named_and_the_older_taken(
    app: App, log: MemoryLog, tmp_path: Path
) -> None:
    recovery = recover(app, log, Checkpoints(tmp_path, KEY), intact(1), None)
    assert recovery.state.cut == Cut((3,))
    assert recovery.problems == ["generation 2 cannot be served"]


def test_without_anything_the_log_is_folded_from_its_beginning(app: App, log: MemoryLog, tmp_path: Path) -> None:
    assert recover(app, log, Checkpoints(tmp_path, KEY), intact(), None).state.cut == Cut()


@pytest.mark.parametrize("generations", [(1, 2), (1,), (2,), ()])
def test_every_row_of_the_table_ends_in_the_same_answers(
    app: App, log: MemoryLog, tmp_path: Path, generations: tuple[int, ...]
) -> None:
    """What the batch covers plus what the epochs hold is all there is, wherever the fold begins."""
    state = recover(app, log, Checkpoints(tmp_path, KEY), intact(*generations), None).state
    for segment in log.read(state.cut):
        apply(state, segment, app, intact(*generations))
    covered = {None: 0, 1: 3, 2: 5}[state.publication.generation if state.publication else None]
    in_epochs = sum(e.tiles.get("ever", {}).get(("A",), {0: [0]})[0][0] for e in state.epochs)
    assert covered + in_epochs == 6


def test_generations_and_champions_are_found_without_reading_the_events_between_the_decisions(
    app: App, tmp_path: Path
) -> None:
    log = OfDecisionsAlone()
    for generation in (1, 2):
        log.append(append(3))
        cut = Cut((log.mark(BatchStarted(f"r{generation}").event()),))
        log.mark(Publication(generation, cut, "", f"r{generation}", {"minutes": generation}).event())
    recovery = recover(app, log, Checkpoints(tmp_path, KEY), intact(2), None)
    assert (recovery.state.cut, recovery.state.champions) == (Cut((8,)), {"minutes": Champions((1,))})
