from __future__ import annotations

from pathlib import Path

from anabranch import App
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
