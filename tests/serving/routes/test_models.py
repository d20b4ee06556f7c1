"""Models over HTTP: how they stand, and who is champion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anabranch import SYSTEM, Cut
from serving.models.model_status import example_schema
from tests.serving.conftest import Home, newest, place, rental
from tests.serving.trained import Constant, app, mail, publish_versions

ASKED = {"station": "a", "started": "2023-11-01T12:00:00Z"}
FOUR = ((4, Constant(4.0), True), (3, Constant(3.0), False), (2, Constant(2.0), True))


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home(app=app)


def described(home: Home, model: str = "duration") -> dict[str, Any]:
    found: dict[str, Any] = home.get(f"/v1/models/{model}", after=str(home.service.log.end()))
    return found


def decide(home: Home, what: str, status: int = 200, model: str = "duration", **options: Any) -> Any:
    response = home.client.post(f"/v1/models/{model}/{what}", **options)
    assert response.status_code == status, response.text
    return response.json()


def batch_part(home: Home) -> float | None:
    """What the champion says."""
    answer = home.client.post("/v1/models/duration/predict", json=ASKED).json()
    part: float | None = answer["parts"].get("batch")
    return part


def statuses(home: Home) -> dict[int, str]:
    return {held["version"]: held["status"] for held in described(home)["versions"]}


def test_a_model_that_was_never_trained_has_no_versions(home: Home) -> None:
    told = described(home)

    assert (told["task"], told["metric"], told["blend"]) == ("regression", "squared_error", "hedge")
    assert (told["champion"], told["versions"], told["weights"]) == (None, [], {"speed": 1.0})
    assert (told["candidates"], told["skew"], told["labels"], told["alarms"]) == ({}, None, None, [])
    assert told["generation"] is None
    assert home.get("/v1/models/length", 404)["known"] == sorted(app.models)


def test_a_model_tells_its_versions_scores_and_failures(home: Home) -> None:
    publish_versions(home, *FOUR)
    home.post(*[rental(n, minutes=float(n)) for n in range(40)])
    told = described(home)

    assert told["champion"] == 4
    assert told["versions"][0] == {
        "version": 4,
        "generation": 4,
        "cut": "0:5",
        "rows": 40,
        "holdout": 4.0,
        "status": "champion",
        "candidate": "Constant",
    }
    assert [held["status"] for held in told["versions"]] == ["champion", "rejected", "retired"]
    assert {name: scores["count"] for name, scores in told["scores"].items()} == dict.fromkeys(
        ("batch", "speed", "blend"), 40
    )
    assert told["scores"]["batch"]["loss"] == pytest.approx(sum((n - 4.0) ** 2 for n in range(40)) / 40, rel=0.2)
    assert sum(point["count"] for point in told["series"]) <= 40
    assert sum(told["weights"].values()) == pytest.approx(1.0)
    assert told["failed"] == {"count": 0, "examples": []}
    assert told["candidates"] == {"Constant": {"loss": 2.5}}
    assert told["skew"]["checked"] == 7


def test_failures_of_a_features_function_are_told(home: Home) -> None:
    home.post(mail(), mail("odd"), stream="mails")
    failed = described(home, "folder")["failed"]

    assert failed["count"] == 1
    assert failed["examples"][0]["position"] == "0:1"
    assert failed["examples"][0]["reason"].startswith("ValueError: an odd text")
    text = home.client.get("/metrics").text
    assert 'anabranch_features_failures_total{model="folder"} 1.0' in text


def test_a_learner_that_raises_is_told_by_expert(home: Home) -> None:
    home.post(rental(1), rental(2))
    told = home.get("/v1/models/raising", after=str(home.service.log.end()))

    assert told["errors"] == {"speed": {"count": 2, "last": "ValueError: no"}}
    assert described(home)["errors"] == {}
    listed = {model["model"]: model["errors"] for model in home.get("/v1/models")["models"]}
    assert (listed["raising"], listed["duration"]) == ({"speed": 2}, {})
    text = home.client.get("/metrics").text
    assert 'anabranch_learner_failures_total{expert="speed",model="raising"} 2.0' in text
    assert 'anabranch_training_failures{model="raising"} 0.0' in text


def test_all_models_are_listed_shortly(home: Home) -> None:
    publish_versions(home, *FOUR)
    home.post(rental(1))
    listed = home.get("/v1/models", after=str(home.service.log.end()))

    assert [model["model"] for model in listed["models"]] == list(app.models)
    duration = listed["models"][0]
    assert (duration["champion"], duration["alarms"], duration["diverged"]) == (4, 0, [])
    assert [held["version"] for held in duration["versions"]] == [4, 3, 2]
    assert duration["versions"] == described(home)["versions"]
    assert duration["stream"] == "rentals"
    assert set(duration["weights"]) == {"batch", "speed"}
    assert listed["generation"] == 1


def test_a_version_is_promoted_and_rolled_back_at_a_place_in_the_log(home: Home) -> None:
    publish_versions(home, *FOUR)
    described(home)
    assert batch_part(home) == 4.0

    promoted = decide(home, "promote", json={"version": 3})
    assert (promoted["model"], promoted["champion"], promoted["previous"]) == ("duration", 3, 4)
    assert batch_part(home) == 3.0
    assert statuses(home) == {4: "retired", 3: "champion", 2: "retired"}
    rolled_back = decide(home, "rollback")
    assert (rolled_back["champion"], rolled_back["previous"]) == (4, 3)
    assert batch_part(home) == 4.0
    assert statuses(home) == {4: "champion", 3: "rejected", 2: "retired"}

    events = [r.data for s in home.service.log.read(Cut()) if s.stream == SYSTEM for r in s.records()][-2:]
    assert events == [
        {"kind": "model_promoted", "model": "duration", "version": 3, "previous": 4},
        {"kind": "model_rolled_back", "model": "duration", "version": 4, "previous": 3},
    ]
    assert 'anabranch_model_champion{model="duration"} 4.0' in home.client.get("/metrics").text


def test_what_cannot_be_promoted_is_told_with_what_can(home: Home) -> None:
    publish_versions(home, *FOUR)
    described(home)

    problem = decide(home, "promote", 404, json={"version": 1})
    assert (problem["name"], problem["known"]) == ("1", ["2", "3"])
    assert decide(home, "promote", 409, json={"version": 4})["type"].endswith("already-champion")
    assert decide(home, "promote", 404, model="simple", json={"version": 4})["known"] == []
    for body in ("{", "5", '{"version": "3"}', '{"version": true}', '{"version": 3, "now": 1}', "{}", ""):
        assert decide(home, "promote", 422, content=body)["type"].endswith("malformed-body")
    assert decide(home, "promote", 422, json={"version": 3}, params={"after": "0:0"})["parameter"] == "after"
    assert batch_part(home) == 4.0


def test_there_is_nothing_to_go_back_to_before_a_second_champion(home: Home) -> None:
    assert "no champion yet" in decide(home, "rollback", 409)["detail"]
    publish_versions(home, *FOUR)
    described(home)

    problem = decide(home, "rollback", 409)
    assert (problem["type"].rpartition(":")[2], problem["champion"]) == ("no-earlier-champion", 4)
    assert decide(home, "rollback", 409, json={})["champion"] == 4


def test_a_rollback_may_name_the_version(home: Home) -> None:
    publish_versions(home, *FOUR)
    described(home)
    assert decide(home, "rollback", 404, json={"version": 1})["known"] == ["2", "3"]
    assert decide(home, "rollback", 409, json={"version": 4})["type"].endswith("already-champion")
    for body in ("{", "5", '{"version": "3"}', '{"version": 3, "now": 1}'):
        assert decide(home, "rollback", 422, content=body)["type"].endswith("malformed-body")

    rolled_back = decide(home, "rollback", json={"version": 2})
    assert (rolled_back["champion"], rolled_back["previous"]) == (2, 4)
    assert batch_part(home) == 2.0
    assert decide(home, "rollback")["champion"] == 4


def test_a_damaged_version_is_not_promoted_and_its_file_is_named(home: Home) -> None:
    publish_versions(home, *FOUR)
    described(home)
    held = newest(home).versions("duration")
    path = place(home, next(version for version in held if version["version"] == 3)["file"])
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    end = home.service.log.end()

    problem = decide(home, "promote", 503, json={"version": 3})
    assert problem["type"].endswith("generation-unreadable")
    assert f"version 3 of model 'duration' of generation 1 is damaged: blobs/{path.name}" in problem["detail"]
    assert home.service.log.end() == end


def test_the_schema_of_an_example_is_that_of_the_event_without_its_label() -> None:
    schema = example_schema(app.models["duration"])

    assert list(schema["properties"]) == ["rental_id", "station", "rider", "started"]
    assert "required" not in schema
    assert schema["title"] == "Rental"
