"""Runs are started when they are due, in the time zone that is meant, and caught up once when they were missed."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from anabranch.instant import instant_us
from batch.errors import LeaseHeldError
from eventlog.registry.database import Database
from eventlog.registry.runs import Runs
from infra.scheduling import Schedule, Scheduler

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


class World:
    """A clock that is set, a registry of runs, and a starter that writes down when it was asked."""

    def __init__(self, folder: Path, now: str):
        self.now = instant_us(now)
        self.runs = Runs(Database(f"sqlite:///{folder / 'log.db'}"), lambda: self.now)
        self.started: list[int] = []
        self.held = False

    def start(self, full: bool) -> str:
        if self.held:
            raise LeaseHeldError
        self.started.append(self.now)
        name = f"run{len(self.started)}"
        self.runs.start(name, full=full, pid=1)
        return name

    def scheduler(self, expression: str = "30 2 * * *", zone: ZoneInfo = UTC) -> Scheduler:
        return Scheduler(Schedule(expression, zone), self.runs, self.start, lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, "2026-01-10T00:00:00Z")


def test_a_run_is_started_when_it_is_due_and_once(world: World) -> None:
    scheduler = world.scheduler()
    assert scheduler.step() == 30.0
    world.now = scheduler.next_run - 5_000_000
    assert scheduler.step() == 5.0
    world.now = instant_us("2026-01-10T02:30:00Z")
    scheduler.step()
    scheduler.step()
    assert world.started == [instant_us("2026-01-10T02:30:00Z")]
    assert scheduler.next_run == instant_us("2026-01-11T02:30:00Z")


def test_the_hour_is_that_of_the_zone_also_when_clocks_are_set(world: World) -> None:
    due = []
    schedule = Schedule("30 7 * * *", BERLIN)
    time = instant_us("2026-03-27T12:00:00Z")
    for _ in range(3):
        time = schedule.next_after(time)
        due.append(time)
    assert due == [instant_us(f"2026-03-{day}Z") for day in ("28T06:30:00", "29T05:30:00", "30T05:30:00")]


def test_runs_that_were_missed_are_caught_up_once(world: World) -> None:
    world.start(False)
    world.now = instant_us("2026-01-15T12:00:00Z")  # five were missed meanwhile
    scheduler = world.scheduler()
    scheduler.step()
    scheduler.step()
    assert world.started[1:] == [world.now]
    assert scheduler.next_run == instant_us("2026-01-16T02:30:00Z")


def test_a_run_that_ended_with_its_service_is_caught_up_and_one_that_failed_is_not(world: World) -> None:
    world.start(False)
    world.runs.finish(world.runs.list(1)[0], "failed", error="wrong")
    assert world.scheduler().next_run == instant_us("2026-01-10T02:30:00Z")
    world.runs.finish(world.runs.list(1)[0], "abandoned", error="SystemExit: ended by SIGTERM")
    assert world.scheduler().next_run == world.now


def test_nothing_is_caught_up_where_nothing_was_missed_or_ever_run(world: World) -> None:
    assert world.scheduler().next_run == instant_us("2026-01-10T02:30:00Z")
    world.start(False)
    world.now = instant_us("2026-01-10T01:00:00Z")
    assert world.scheduler().next_run == instant_us("2026-01-10T02:30:00Z")


def test_a_run_that_is_due_while_another_is_at_work_is_left_out(world: World) -> None:
    scheduler = world.scheduler()
    world.now = instant_us("2026-01-10T02:30:00Z")
    world.held = True
    scheduler.step()
    world.held = False
    world.now += 60_000_000
    scheduler.step()
    assert world.started == []
    assert scheduler.next_run == instant_us("2026-01-11T02:30:00Z")


def test_it_runs_in_a_thread_and_ends_when_it_is_told(world: World) -> None:
    scheduler = world.scheduler()
    world.now = scheduler.next_run
    scheduler.start()
    scheduler.stop()
    scheduler.stop()
    assert len(world.started) == 1
