"""The steady clock, with clocks that the tests set."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from eventlog.clock import BELIEVED_SECONDS, TOLERATED_US, SteadyClock, boot_id, running_us

SECOND, DAY = 1_000_000, 86_400_000_000


class Machine:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000 * SECOND
        self.running = 50 * SECOND
        self.boot: str | None = "first"

    def pass_by(self, seconds: float) -> None:
        self.wall += round(seconds * SECOND)
        self.running += round(seconds * SECOND)

    def clock(self, kept: Path | None = None) -> SteadyClock:
        return SteadyClock(kept, lambda: self.wall, lambda: self.running, lambda: self.boot)


def test_it_is_the_wall_clock_through_corrections_and_drift() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(10):
        machine.pass_by(3_600)
        machine.wall += TOLERATED_US
        assert clock() == machine.wall


def test_a_leap_ahead_is_not_believed_until_it_has_lasted(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    before = machine.wall
    machine.wall += 400 * DAY
    with caplog.at_level(logging.WARNING):
        assert clock() == before
        machine.pass_by(BELIEVED_SECONDS - 1)
        assert clock() == machine.wall - 400 * DAY
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    machine.pass_by(1)
    assert clock() == machine.wall
    machine.wall -= 400 * DAY
    assert clock() == machine.wall, "one that is set back is followed at once"


def test_a_leap_that_is_taken_back_leaves_no_trace() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(5):
        machine.wall += DAY
        clock()
        machine.wall -= DAY
        machine.pass_by(BELIEVED_SECONDS)
        assert clock() == machine.wall


def test_what_was_believed_outlives_the_process_but_not_the_machine(tmp_path: Path) -> None:
    machine, kept = Machine(), tmp_path / "clock.json"
    machine.clock(kept)
    machine.pass_by(60)
    machine.wall += 400 * DAY
    assert machine.clock(kept)() == machine.wall - 400 * DAY
    machine.boot, machine.running = "second", 0
    assert machine.clock(kept)() == machine.wall, "nobody knows how long it was off"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"boot": "first"}', '{"boot": "first", "ahead_us": "x"}'])
def test_a_file_that_is_damaged_is_passed_over(tmp_path: Path, content: str) -> None:
    machine, kept = Machine(), tmp_path / "clock.json"
    kept.write_text(content)
    assert machine.clock(kept)() == machine.wall


def test_a_machine_that_tells_no_start_keeps_nothing(tmp_path: Path) -> None:
    machine = Machine()
    machine.boot = None
    machine.clock(tmp_path / "clock.json")
    assert list(tmp_path.iterdir()) == []


def test_this_machine_runs() -> None:
    first = running_us()
    assert 0 < first <= running_us()
    assert boot_id() == boot_id()
