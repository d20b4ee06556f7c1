"""A drift alarm starts a batch run, if the model wants it, and at most one a cooldown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event

from anabranch.duration import duration_us
from eventlog.clock import now_us
from eventlog.registry.database import Database
from infra.composition import opened
from infra.retraining import Retraining
from infra.settings import Settings

APPLICATION = """
from datetime import datetime
from pydantic import BaseModel
from anabranch import App

class Ride(BaseModel):
    at: datetime
    x: float
    minutes: float

app = App("rides")
rides = app.stream("rides", Ride, time="at")

@app.model("minutes", on=rides, label="minutes", task="regression", batch=lambda: None, speed=lambda: None,
           retrain_on_drift=%s, cooldown="2h")
def features(ride, views):
    return {"x": ride.x}
"""


class Clock:
    def __init__(self) -> None:
        self.now = now_us()

    def __call__(self) -> int:
        return self.now


def alarms(tmp_path: Path, wants: bool, clock: Clock, started: list[bool]) -> Callable[[int], None]:
    """Raises an alarm so many microseconds ago, each in a process of its own: the cooldown outlives them."""
    path = tmp_path / "application.py"
    path.write_text(APPLICATION % wants)

    def start(full: bool) -> str:
        started.append(full)
        return "run"

    def alarm(ago: int) -> None:
        with opened(Settings.load(app=str(path), home=tmp_path / "home"), clock) as process:
            retraining = Retraining(process, start)
            retraining.on_drift(process.app.models["minutes"], clock() - ago)
            retraining.wait()

    return alarm


def test_an_alarm_starts_one_run_a_cooldown_also_over_restarts(tmp_path: Path) -> None:
    clock, started = Clock(), list[bool]()
    alarm = alarms(tmp_path, True, clock, started)
    alarm(0)
    alarm(0)
    clock.now += duration_us("1h")
    alarm(0)
    assert started == [False]
    clock.now += duration_us("61m")
    alarm(0)
    assert started == [False, False]


def test_an_alarm_that_is_old_news_starts_nothing(tmp_path: Path) -> None:
    started: list[bool] = []
    alarms(tmp_path, True, Clock(), started)(duration_us("3h"))
    assert started == []


def test_a_model_that_does_not_want_it_is_left_alone(tmp_path: Path) -> None:
    started: list[bool] = []
    alarms(tmp_path, False, Clock(), started)(0)
    assert started == []


def test_an_alarm_while_the_database_is_locked_disturbs_nobody_and_starts_its_run_afterwards(tmp_path: Path) -> None:
    path, started = tmp_path / "application.py", list[bool]()
    path.write_text(APPLICATION % True)

    def start(full: bool) -> str:
        started.append(full)
        return "run"

    with opened(Settings.load(app=str(path), home=tmp_path / "home")) as process:
        app, engine = process.app, process.database.engine
        engine.dispose()
        no_wait = "PRAGMA busy_timeout = 20"
        event.listen(engine, "checkout", lambda connection, *_: connection.execute(no_wait))
        retraining, other = Retraining(process, start), Database(engine.url.render_as_string())
        with other.write():
            retraining.on_drift(app.models["minutes"], now_us())
            assert started == []
        retraining.wait()
        other.close()
    assert started == [False]
