"""A clock that is wrong for a moment must not decide for a year what ``last=`` shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service

LEAPING = '''
"""The clock of the machine leaps by as many days as the file beside this one says."""

import time
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from anabranch import App, agg

_DAYS, _time_ns = Path(__file__).with_name("days"), time.time_ns
time.time_ns = lambda: _time_ns() + int(float(_DAYS.read_text()) * 86_400e9)
app = App("leaping")


class Ride(BaseModel):
    ride: str
    station: str
    at: datetime


class Click(BaseModel):
    page: str


rides = app.stream("rides", Ride, id="ride", key="station", time="at")
clicks = app.stream("clicks", Click)
hourly = app.view("hourly", of=rides, by="station", tile="1h", rides=agg.count())
kept = app.view("kept", of=rides, by="station", tile="1h", keep="7d", rides=agg.count())
pages = app.view("pages", of=clicks, by="page", tile="1h", clicks=agg.count())
'''
NOW = datetime.now(UTC)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "leaping.py").write_text(LEAPING)
    service = Service(tmp_path / "leaping.py", tmp_path / "home")
    leap(service, 0)
    yield service
    service.close()


def leap(service: Service, days: float) -> None:
    service.application.with_name("days").write_text(str(days))


def ride(number: int, **ahead: float) -> dict[str, Any]:
    return {"ride": str(number), "station": "A", "at": (datetime.now(UTC) + timedelta(**ahead)).isoformat()}


def command(service: Service, *words: str, status: int = 0) -> str:
    done = subprocess.run(service.command(*words), capture_output=True, text=True, env=service.environment, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_event_from_a_clock_that_leapt_a_year_is_refused(service: Service) -> None:
    service.start()
    service.post("rides", [ride(1)])
    service.post("clicks", [{"page": "a"}])
    leap(service, 400)
    refused = service.client.post("/v1/streams/rides/events", json=ride(2, days=400))
    assert refused.status_code == 422
    assert refused.json()["rejected"][0]["errors"][0]["type"] == "too_far_ahead"
    service.post("clicks", [{"page": "b"}])  # its time is when it was appended
    end = service.post("rides", [ride(3)])["position"]
    leap(service, 0)
    assert service.rows("hourly", end, last="1h", group="total") == [{"station": "A", "tile": None, "rides": 2}]
    assert [row["page"] for row in service.rows("pages", end, last="1h")] == ["a", "b"]


def test_a_service_that_starts_while_the_clock_is_wrong_takes_no_such_event(service: Service) -> None:
    service.start()
    service.post("rides", [ride(1)])
    service.kill()
    leap(service, 400)
    service.start()
    assert service.client.post("/v1/streams/rides/events", json=ride(2, days=400)).status_code == 422


# taking such an event out


class Wrong:
    """A service that took an event of next year among honest ones."""

    def __init__(self, service: Service):
        self.service = service
        self.honest = [ride(number, minutes=-number) for number in range(90)]
        service.environment["ANABRANCH_MAX_FUTURE"] = "500d"
        service.start()
        service.post("rides", self.honest[:50])
        self.at = service.post("rides", [ride(1_000, days=400)])["position"]
        self.position = f"0:{int(self.at.removeprefix('0:')) - 1}"
        self.end = service.post("rides", self.honest[50:])["position"]

    def retract(self) -> str:
        return command(self.service, "retract", self.position, str(self.service.application), "--yes")

    def assert_it_is_out(self, *, verified: bool = True) -> None:
        """Of every view, of SQL, and of what `verify` recounts."""
        service, count = self.service, len(self.honest)
        end = service.post("clicks", [{"page": "a"}])["position"]
        for view in ("hourly", "kept"):
            assert sum(row["rides"] for row in service.rows(view, end)) == count
            assert sum(row["rides"] for row in service.rows(view, end, last="3h")) == count
        statement = (
            "SELECT (SELECT count(*) FROM events_rides), (SELECT sum(rides) FROM view_hourly),"
            " (SELECT count(*) FROM events_rides WHERE _time > now() + INTERVAL 1 DAY)"
        )
        answer = service.client.post("/v1/sql", params={"after": end, "timeout_ms": 60_000}, json={"sql": statement})
        assert answer.json()["rows"] == [[count, count, 0]], answer.text
        assert len(service.events("rides")) == count
        if verified:
            command(service, "verify", str(service.application))


def batch(service: Service, *options: str) -> None:
    assert service.batch(*options).wait() == 0, service.output.read_text()


def test_without_yes_an_event_is_shown_and_stays(service: Service) -> None:
    wrong = Wrong(service)
    shown = command(service, "retract", wrong.position, str(service.application))
    assert "of stream rides" in shown
    assert "'1000'" in shown
    assert "--yes" in shown
    assert [row["rides"] for row in service.rows("hourly", wrong.end, last="1h")] == [1], "next year's tile alone"


def test_a_retracted_event_is_out_of_everything_at_once_and_after_every_replay(service: Service) -> None:
    wrong = Wrong(service)
    status = json.loads(command(service, "status", "--json"))
    assert status["ahead_seconds"] == {}  # as far ahead as this service was told to take
    wrong.retract()
    wrong.assert_it_is_out()
    service.kill()
    service.start()
    wrong.assert_it_is_out(verified=False)
    batch(service)
    wrong.assert_it_is_out()
    service.stop()
    for kept in (service.home / "checkpoints").iterdir():
        kept.unlink()
    service.start()
    wrong.assert_it_is_out()
    batch(service, "--full")
    wrong.assert_it_is_out()


def test_an_event_that_a_generation_covers_is_out_before_and_after_the_next_run(service: Service) -> None:
    wrong = Wrong(service)
    batch(service)
    service.post("rides", [ride(2_000, minutes=-1)])
    wrong.honest.append(ride(2_000))
    assert "batch run" in wrong.retract()
    wrong.assert_it_is_out()
    batch(service)
    wrong.assert_it_is_out()
    generation = service.client.get("/v1/views/hourly").json()["generation"]
    assert generation == 2
    batch(service)  # only what is new
    wrong.assert_it_is_out()
    service.kill()
    service.start()
    wrong.assert_it_is_out(verified=False)


def test_the_id_of_a_retracted_event_may_come_again(service: Service) -> None:
    wrong = Wrong(service)
    assert service.post("rides", [ride(1_000)])["duplicates"] == 1
    wrong.retract()
    assert service.post("rides", [ride(1_000)])["duplicates"] == 0
    assert service.post("rides", [ride(1_000)])["duplicates"] == 1
    wrong.honest.append(ride(1_000))
    wrong.assert_it_is_out()


def test_only_an_event_of_the_application_can_be_retracted_and_only_once(service: Service) -> None:
    wrong = Wrong(service)
    application = str(service.application)
    assert "the log ends at" in command(service, "retract", "0:5000", application, "--yes", status=1)
    assert "no position" in command(service, "retract", "rides", application, "--yes", status=1)
    wrong.retract()
    described = service.client.get("/v1/streams/rides").json()
    assert described["events"] == len(wrong.honest) + 1, "it is in the log, and stays there"
    assert "taken out before" in command(service, "retract", wrong.position, application, "--yes", status=1)
    decision = int(service.post("clicks", [{"page": "a"}])["position"].removeprefix("0:")) - 2
    assert "system's own" in command(service, "retract", f"0:{decision}", application, "--yes", status=1)
    wrong.assert_it_is_out()


def test_status_says_that_a_stream_is_ahead_of_the_clock(service: Service) -> None:
    Wrong(service)
    service.stop()
    service.environment["ANABRANCH_MAX_FUTURE"] = "1h"
    service.start()
    status = json.loads(command(service, "status", "--json"))
    assert status["ahead_seconds"]["rides"] == pytest.approx(400 * 86_400, rel=0.01)
    assert "ahead of it; see anabranch retract" in command(service, "status")


def test_a_model_is_trained_without_a_retracted_event(tmp_path: Path) -> None:
    """Its rows are made again too, and the speed layer learns it no more."""
    application = Path(__file__).parents[1] / "recovery" / "clock_application.py"
    service = Service(application, tmp_path / "home", ANABRANCH_MAX_FUTURE="500d")
    service.start()
    try:
        at = [(NOW - timedelta(minutes=number)).isoformat() for number in range(120)]
        rides = [{"station": "A", "at": time, "minutes": 5.0} for time in at]
        service.post("rides", rides[:60])
        wrong = {**rides[0], "at": (NOW + timedelta(days=400)).isoformat(), "minutes": 1e6}
        position = int(service.post("rides", [wrong])["position"].removeprefix("0:")) - 1
        service.post("rides", rides[60:])
        batch(service)
        seen = {"after": service.post("showers", [{"at": at[0]}])["position"], "timeout_ms": 60_000}
        before = service.client.get("/v1/models/duration", params=seen).json()["versions"][0]["rows"]
        command(service, "retract", f"0:{position}", str(application), "--yes")
        batch(service)
        end = service.post("rides", rides[:1])["position"]
        assert [row["n"] for row in service.rows("hourly", end, last="1h", group="total")] != []
        model = service.client.get("/v1/models/duration").json()
        assert model["versions"][0]["generation"] == 2
        assert model["versions"][0]["rows"] == before - 1
        answer = service.client.post("/v1/models/duration/predict", json={"station": "A", "at": at[0]}).json()
        assert answer["parts"]["batch"] == pytest.approx(5.0, abs=0.5)
        command(service, "verify", str(application))
    finally:
        service.close()
