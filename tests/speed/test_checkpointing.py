from __future__ import annotations

from pathlib import Path

from anabranch import App, Cut
from eventlog.errors import LogUnavailableError
from eventlog.registry.replicas import Need
from speed.checkpoint import Checkpoints
from speed.checkpointing import Checkpointing
from speed.state import SpeedState
from tests.home_key import KEY


def test_it_is_due_after_enough_time_or_enough_records_and_never_for_nothing(app: App, tmp_path: Path) -> None:
    now = [0.0]
    policy = Checkpointing(app, Checkpoints(tmp_path, KEY), 30.0, 1_000, lambda: now[0])
    now[0] = 100.0
    assert not policy.is_due
    policy.note(1)
    assert policy.is_due
    assert policy.save(SpeedState()) is None
    policy.note(999)
    assert not policy.is_due
    policy.note(1)
    assert policy.is_due


def test_what_went_wrong_is_told_and_tried_again_when_it_is_due_again(app: App, tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "file").write_text("")
    policy = Checkpointing(app, Checkpoints(tmp_path / "file", KEY), 30.0, 1_000, lambda: now[0])
    policy.note(5)
    assert "no checkpoint at 0:0" in str(policy.save(SpeedState()))
    assert not policy.is_due


def test_what_is_needed_is_told_when_checkpoints_have_changed_and_now_and_then(app: App, tmp_path: Path) -> None:
    now, told = [0.0], list[Need]()
    policy = Checkpointing(app, Checkpoints(tmp_path, KEY), 30.0, 1_000, lambda: now[0], told.append)
    policy.remind()
    assert told == []
    policy.save(SpeedState())
    policy.save(SpeedState(Cut((5,))))
    assert told == [Need(0, None)] * 2
    policy.save(SpeedState(Cut((9,))))
    assert told[2:] == [Need(5, None)]
    now[0] = 3_000.0
    policy.remind()
    assert len(told) == 3
    now[0] = 4_000.0
    policy.remind()
    assert told[3:] == [Need(5, None)]


def test_what_was_not_taken_is_told_again_soon_and_what_cannot_be_written_keeps_what_there_is(
    app: App, tmp_path: Path
) -> None:
    now, told, is_away = [0.0], list[Need](), [True]

    def tell(need: Need) -> None:
        if is_away[0]:
            raise LogUnavailableError("away")
        told.append(need)

    policy = Checkpointing(app, Checkpoints(tmp_path, KEY), 30.0, 1_000, lambda: now[0], tell)
    assert policy.save(SpeedState(Cut((5,)))) is None
    is_away[0] = False
    policy.remind()
    assert told == []
    now[0] = 10.0
    policy.remind()
    assert told == [Need(5, None)]
    (tmp_path / f"{9:020d}.part").mkdir()
    assert "no checkpoint at 0:9" in str(policy.save(SpeedState(Cut((9,)))))
    assert told == [Need(5, None)] * 2
