"""Models over HTTP, in a real process: trained, asked, promoted, rolled back, restarted, killed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.end_to_end.conftest import ride
from tests.generation_files import file_of, said_of
from tests.service import Service

APPLICATION = Path(__file__).with_name("model_application.py")
ASKED = [{"station": station, "at": f"2024-05-03T{hour:02d}:30:00Z"} for station in "ABC" for hour in (7, 12, 20)]
"""What is asked, of both models."""
OPTIONS = {"ANABRANCH_SLICE_RECORDS": "1000", "ANABRANCH_WORKERS": "2"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(APPLICATION, tmp_path / "home", **OPTIONS)
    yield service
    service.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 1,200 rides and models that one batch run has trained, whose service was stopped."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with Service(APPLICATION, home, **OPTIONS) as service:
        service.post("rides", rides(0, 1_200))
        batch(service)
        described(service)  # the fold has met the generation
    return home


@pytest.fixture
def trained(service: Service, home: Path) -> Service:
    """A service of one's own on a copy of it, which is not started."""
    shutil.copytree(home, service.home)
    return service


def rides(first: int, count: int) -> list[dict[str, Any]]:
    """Rides that last longer from some stations and later in the day, of members if they are short."""
    chance = Random(first)
    found = []
    for number in range(first, first + count):
        station = chance.choice("ABC")
        minutes = {"A": 5.0, "B": 20.0, "C": 40.0}[station] + number % 60 / 10 + chance.random()
        found.append(ride(number, station, ride_id=str(number), minutes=minutes, member=minutes < 20))
    return found


def batch(service: Service) -> None:
    assert service.batch().wait(300) == 0, service.output.read_text()


def end(service: Service) -> str:
    position: str = service.client.get("/readyz").json()["log_end"]
    return position


def predicted(service: Service, model: str = "duration", **query: Any) -> list[dict[str, Any]]:
    """Answers that have seen the whole log, without what differs from one time to the next."""
    query = {"after": end(service), "timeout_ms": 60_000, **query}
    response = service.client.post(f"/v1/models/{model}/predict", json=ASKED, params=query)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["predictions"]
    passing = ("prediction_id", "speed_cut", "lag_seconds")
    return [{name: value for name, value in answer.items() if name not in passing} for answer in answers]


def described(service: Service, model: str = "duration") -> dict[str, Any]:
    query = {"after": end(service), "timeout_ms": "60000"}
    told: dict[str, Any] = service.client.get(f"/v1/models/{model}", params=query).json()
    return told


def decide(service: Service, what: str, **options: Any) -> dict[str, Any]:
    response = service.client.post(f"/v1/models/duration/{what}", **options)
    assert response.status_code == 200, response.text
    decided: dict[str, Any] = response.json()
    return decided


def statuses(service: Service) -> dict[int, str]:
    return {held["version"]: held["status"] for held in described(service)["versions"]}


def test_from_ingest_over_batch_run_promotion_and_rollback_to_a_restart(service: Service) -> None:
    service.start()
    service.post("rides", rides(0, 1_500))
    assert {answer["generation"] for answer in predicted(service)} == {None}
    assert {tuple(answer["parts"]) for answer in predicted(service)} == {("speed",)}

    batch(service)
    told = described(service)
    assert (told["champion"], told["versions"][0]["status"], told["versions"][0]["generation"]) == (1, "champion", 1)
    assert told["versions"][0]["rows"] == 1_500
    assert told["skew"]["unequal"] == 0
    assert told["skew"]["checked"] > 0
    first = predicted(service)
    by_station = [answer["parts"]["batch"] for answer in first]
    assert max(by_station[:3]) < min(by_station[3:6]) < max(by_station[3:6]) < min(by_station[6:])
    assert all(list(answer["weights"]) == ["batch", "speed"] for answer in first)

    service.post("rides", rides(1_500, 700))
    scores = described(service)["scores"]
    assert {expert: score["count"] for expert, score in scores.items()} == {"batch": 700, "speed": 700, "blend": 700}
    assert scores["blend"]["loss"] < max(scores["batch"]["loss"], scores["speed"]["loss"])
    batch(service)
    assert statuses(service) == {2: "champion", 1: "retired"}
    second = predicted(service)
    assert [a["features"] for a in second] != [a["features"] for a in first]

    promoted = decide(service, "promote", json={"version": 1})
    assert (promoted["champion"], promoted["previous"]) == (1, 2)
    assert statuses(service) == {2: "retired", 1: "champion"}
    by_first = predicted(service)
    assert [a["parts"]["batch"] for a in by_first] != [a["parts"]["batch"] for a in second]
    service.stop()
    service.start()
    assert predicted(service) == by_first

    rolled_back = decide(service, "rollback")
    assert (rolled_back["champion"], rolled_back["previous"]) == (2, 1)
    assert predicted(service) == second
    before = described(service)
    service.kill()
    service.start()
    assert predicted(service) == second
    after = described(service)
    for name in ("champion", "weights", "scores", "series", "versions", "failed", "alarms"):
        assert after[name] == before[name]


def test_a_classification_answers_probabilities_that_sum_to_one(trained: Service) -> None:
    trained.start()
    answers = predicted(trained, "member")

    assert [answer["prediction"] for answer in answers] == [True] * 3 + [False] * 6
    for answer in answers:
        assert list(answer["parts"]) == ["batch", "speed"]
        for probabilities in (answer["probabilities"], *answer["parts"].values()):
            assert set(probabilities) == {"false", "true"}
            assert sum(probabilities.values()) == pytest.approx(1.0)


def test_any_prediction_can_be_looked_up_later_even_out_of_the_lake(tmp_path: Path) -> None:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_RETENTION="1ms", ANABRANCH_WORKERS="1")
    try:
        service.start()
        service.post("rides", rides(0, 300))
        query = {"after": end(service), "record": "true"}
        asked = ride(900, "A", ride_id="asked", member=True)
        answer = service.client.post("/v1/models/duration/predict", json=asked, params=query).json()
        assert (
            service.rows("hourly", answer["position"], station="A", group="total")[0]["n"]
            == answer["features"]["n"] + 1
        )
        at_once = found(service, answer)
        service.stop()
        service.start()
        assert found(service, answer) == at_once
        batch(service)
        assert not service.post("rides", [ride(0, "A", ride_id="late", member=True)])["rejected"]
        assert found(service, answer) == at_once
        assert at_once["example"] == asked
        assert (at_once["example_id"], at_once["versions"], at_once["features"]) == ("asked", {}, answer["features"])
    finally:
        service.close()


def found(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    response = service.client.get(f"/v1/predictions/{answer['prediction_id']}")
    assert response.status_code == 200, response.text
    kept: dict[str, Any] = response.json()
    return kept


def test_a_damaged_version_answers_nothing_and_is_named(trained: Service) -> None:
    (version,) = said_of(trained.home, 1)["models"]["duration"]["versions"]  # the first one is the champion
    path = file_of(trained.home, version["file"])
    path.write_bytes(path.read_bytes().replace(b"leaf", b"feal", 1))
    trained.start()

    assert {tuple(answer["parts"]) for answer in predicted(trained)} == {("speed",)}
    assert path.name in trained.output.read_text()
    assert {tuple(answer["parts"]) for answer in predicted(trained, "member")} == {("batch", "speed")}


def test_status_shows_champion_weights_and_losses(trained: Service) -> None:
    trained.start()
    trained.post("rides", rides(1_200, 100))
    described(trained)
    command = trained.command("status", str(APPLICATION), "--port", str(trained.port))
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "model duration" in shown
    assert "champion 1; drift alarms: none" in shown
    assert "squared_error, recent (all 100): batch" in shown


LEAK = """
from datetime import datetime

from pydantic import BaseModel
from river import linear_model

from anabranch import App

app = App("leak")


class Ride(BaseModel):
    at: datetime
    minutes: float


rides = app.stream("rides", Ride, time="at")


@app.model("duration", on=rides, label="minutes", task="regression", batch=object, speed=linear_model.LinearRegression)
def duration(ride, views):
    return {"slow": ride.minutes > 10}
"""


def test_a_planted_leak_is_told_by_predictions_by_the_model_and_by_the_batch_run(tmp_path: Path) -> None:
    application = tmp_path / "leak.py"
    application.write_text(LEAK)
    service = Service(application, tmp_path / "home", ANABRANCH_WORKERS="1")
    told = "reads 'minutes', which is the label"
    try:
        service.start()
        position = service.post("rides", [{"at": "2024-05-01T10:00:00Z", "minutes": 5.0}] * 3)["position"]
        problem = service.client.post("/v1/models/duration/predict", json={"at": "2024-05-01T10:00:00Z"})
        assert problem.status_code == 422
        assert told in problem.json()["detail"]
        failed = service.client.get("/v1/models/duration", params={"after": position}).json()["failed"]
        assert failed["count"] == 3
        assert told in failed["examples"][0]["reason"]
        run = subprocess.run(
            service.command("batch", "run", str(application)), capture_output=True, text=True, check=False
        )
        assert run.returncode == 0  # the views are published: what is wrong with a model is not theirs
        assert told in run.stderr
        assert service.client.get("/readyz").status_code == 200
    finally:
        service.close()
