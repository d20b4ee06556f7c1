"""Models in SQL: versions, scores and predictions are those that the API tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.analyst import until
from tests.end_to_end.test_models import APPLICATION, batch, decide, described, rides
from tests.end_to_end.test_sql import rows
from tests.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_SLICE_RECORDS="1000", ANABRANCH_WORKERS="2")
    yield service
    service.close()


def predicted(service: Service, model: str, examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    response = service.client.post(f"/v1/models/{model}/predict", json=examples)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["predictions"]
    return answers


def test_versions_scores_and_predictions_are_those_of_the_api(service: Service) -> None:
    service.start()
    service.post("rides", rides(0, 1_200))
    batch(service)
    service.post("rides", rides(1_200, 300))
    batch(service)
    decide(service, "promote", json={"version": 1})
    coming = rides(1_500, 20)
    asked = [{name: ride[name] for name in ("ride_id", "station", "at")} for ride in coming]
    answers = {model: predicted(service, model, asked) for model in ("duration", "member")}
    posted = service.post("rides", coming[:15])
    service.rows("hourly", posted["position"])  # by then the models have learnt from them
    until(lambda: len(rows(service, "FROM predictions")) == 40, 30)
    check_models(service)
    found = {row["prediction_id"]: row for row in rows(service, "FROM predictions")}
    for model, answers_of_model in answers.items():
        for number, (answer, ride) in enumerate(zip(answers_of_model, coming, strict=True)):
            row = found[answer["prediction_id"]]
            assert row["model"] == model
            assert {name: row["features"][name] for name in answer["features"]} == answer["features"]
            assert row["weights"] == answer["weights"]
            assert (row["version"], row["generation"]) == (answer_version(service, model), answer["generation"])
            assert (row["label"] is None) == (number >= 15) == (row["loss"] is None)
            if model == "duration":
                assert float(row["prediction"]) == answer["prediction"]
                if number < 15:
                    assert float(row["label"]) == ride["minutes"]
                    assert row["loss"] == pytest.approx((ride["minutes"] - answer["prediction"]) ** 2)
            else:
                assert row["probabilities"] == answer["probabilities"]
                if number < 15:
                    assert row["label"] == str(ride["member"]).lower()


def answer_version(service: Service, model: str) -> int:
    champion: int = described(service, model)["champion"]
    return champion


def check_models(service: Service) -> None:
    for model in ("duration", "member"):
        told = described(service, model)
        versions = rows(service, f"SELECT * FROM models WHERE model = '{model}' ORDER BY version DESC")
        shared = ("version", "status", "cut", "rows", "candidate")
        assert [[row[n] for n in shared] for row in versions] == [[v[n] for n in shared] for v in told["versions"]]
        assert [row["holdout_loss"] for row in versions] == [v["holdout"] for v in told["versions"]]
        scores = rows(service, f"SELECT * FROM model_scores WHERE model = '{model}'")
        assert {row["expert"]: row["count"] for row in scores} == {e: s["count"] for e, s in told["scores"].items()}
        assert {row["expert"]: row["loss"] for row in scores} == {e: s["loss"] for e, s in told["scores"].items()}
        assert {row["expert"]: row["weight"] for row in scores} == {**told["weights"], "blend": None}
        points = rows(
            service, f"SELECT * FROM model_history WHERE model = '{model}' AND expert = 'blend' ORDER BY time"
        )
        assert [(p["time"], p["loss"]) for p in points] == [(p["time"], p["loss"]["blend"]) for p in told["series"]]
