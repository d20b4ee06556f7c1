"""Batch runs, health, metrics, the key, and errors of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from eventlog.errors import LogUnavailableError
from serving.errors import BatchNotStartedError
from tests.serving.conftest import Home, publish, rental

STAGES = [
    {"name": "mark", "done": 1, "total": 1, "seconds": 0.1},
    {"name": "fold", "done": 3, "total": 8, "seconds": 2.5},
]


def test_a_batch_run_is_started_once(home: Home) -> None:
    started = home.client.post("/v1/batch/runs", params={"full": "true"})
    second = home.client.post("/v1/batch/runs")

    assert (started.status_code, started.json()) == (202, {"run": "run-1", "location": "/v1/batch/runs/run-1"})
    assert started.headers["location"] == "/v1/batch/runs/run-1"
    assert home.started_batches == [True]
    assert second.status_code == 409
    assert "batch run" in second.json()["title"]


@pytest.mark.parametrize(
    ("body", "full"), [("", False), ("{}", False), ('{"full": true}', True), ('{"full":false}', False)]
)
def test_a_body_may_ask_for_a_full_run(home: Home, body: str, full: bool) -> None:
    assert home.client.post("/v1/batch/runs", content=body).status_code == 202
    assert home.started_batches == [full]


@pytest.mark.parametrize("body", ["{", "[]", "5", '{"full": 1}', '{"full": "true"}', '{"fast": true}'])
def test_a_body_that_asks_for_something_else_starts_nothing(home: Home, body: str) -> None:
    response = home.client.post("/v1/batch/runs", content=body)
    assert response.status_code == 422
    assert response.json()["type"].endswith("malformed-body")
    assert home.started_batches == []


def test_a_batch_run_that_does_not_begin_is_a_problem(make_home: Callable[..., Home]) -> None:
    def start_batch(full: bool) -> str:
        raise BatchNotStartedError("the batch run ended with exit code 2 before it began")

    response = make_home(start_batch=start_batch).client.post("/v1/batch/runs")

    assert response.status_code == 503
    assert "exit code 2" in response.json()["detail"]


def test_a_batch_run_is_watched_by_stage(home: Home) -> None:
    run = home.service.runs.start("r1", full=False, pid=1)
    run = replace(run, cut="0:12", stage="fold", stages=STAGES)
    home.service.runs.update(run)

    told = home.get("/v1/batch/runs/r1")

    assert told["status"] == "running"
    assert (told["stage"], told["cut"], told["generation"], told["error"]) == ("fold", "0:12", None, None)
    assert told["stages"] == STAGES
    home.service.runs.finish(run, "published", generation=4)
    assert home.get("/v1/batch/runs")["runs"][0]["generation"] == 4
    assert home.get("/v1/batch/runs/r2", 404)["noun"] == "batch run"


def test_it_is_alive_and_ready(home: Home) -> None:
    position = home.post(rental(1))
    home.rows("usage")

    assert home.get("/healthz") == {"alive": True}
    assert home.get("/readyz") == {
        "ready": True,
        "log_end": position,
        "generation": None,
        "batch_cut": "0:0",
        "speed_cut": position,
        "lag_seconds": 0.0,
    }


def test_it_is_not_ready_when_the_fold_stopped(home: Home) -> None:
    home.consumer.stop()
    home.consumer.reader.trouble = "the fold stopped at 0:7: an example"

    problem = home.get("/readyz", 503)

    assert problem["detail"] == "the fold stopped at 0:7: an example"
    assert problem["ready"] is False
    assert home.get("/healthz") == {"alive": True}


def test_it_is_not_ready_before_the_fold_has_caught_up(home: Home) -> None:
    home.rows("usage")
    home.consumer.stop()
    home.consumer.reader.caught_up = False

    assert "catching up" in home.get("/readyz", 503)["detail"]


def test_it_is_not_ready_without_its_log(make_home: Callable[..., Home]) -> None:
    class Away:
        """A log whose database is away."""

        misfit = None

        def end(self) -> object:
            raise LogUnavailableError("the database is away")

    assert "away" in make_home(log=Away()).get("/readyz", 503)["detail"]


def test_metrics_tell_the_fold_and_what_was_posted(home: Home) -> None:
    home.post(rental(1), rental(2))
    home.client.post("/v1/streams/rentals/events", json=[rental(2), {}])
    publish(home)
    home.rows("usage")

    text = home.client.get("/metrics").text

    for line in (
        'anabranch_events_total{outcome="accepted",stream="rentals"} 2.0',
        'anabranch_events_total{outcome="duplicate",stream="rentals"} 1.0',
        'anabranch_events_total{outcome="rejected",stream="rentals"} 1.0',
        "anabranch_fold_offset 4.0",
        "anabranch_log_end_offset 4.0",
        "anabranch_generation 1.0",
        "anabranch_batch_offset 2.0",
        'anabranch_view_failures_total{layer="speed",view="usage"} 0.0',
        'anabranch_http_requests_total{method="POST",route="/v1/streams/{stream}/events",status="201"} 1.0',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic secret"}, 401),
        ({"authorization": "secret"}, 401),
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "bearer  secret"}, 200),
    ],
)
def test_the_key_is_asked_for(make_home: Callable[..., Home], sent: dict[str, str], status: int) -> None:
    home = make_home(api_key="secret")

    response = home.client.get("/v1/views", headers=sent)

    assert response.status_code == status
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"
    assert home.get("/healthz") == {"alive": True}
    assert home.client.get("/docs").status_code == 401


def test_paths_and_methods_that_are_not_there_are_problems(home: Home) -> None:
    assert "/docs" in home.get("/v1/nothing", 404)["detail"]
    assert home.get("/v1/views/", 404)["status"] == 404
    response = home.client.request("DELETE", "/v1/views")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert "DELETE" in response.json()["detail"]
    assert home.client.request("PUT", "/v1/streams/rentals/events").headers["allow"] == "GET, POST"


def test_a_mistake_of_ours_is_a_problem_that_tells_nothing(make_home: Callable[..., Home]) -> None:
    def counts() -> dict[str, int]:
        raise RuntimeError("internal")

    problem = make_home(counts=counts).get("/v1/streams", 500)

    assert "internal" not in str(problem)
    assert problem["title"] == "Something went wrong here"


def test_docs_need_no_network(home: Home) -> None:
    page = home.client.get("/docs").text

    assert "https://" not in page
    assert home.client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_every_operation_is_documented_with_its_parameters(home: Home) -> None:
    paths = home.get("/openapi.json")["paths"]

    read = paths["/v1/views/{view}"]["get"]
    assert [p["name"] for p in read["parameters"]][:4] == ["view", "station", "rider", "key"]
    assert set(read["responses"]) == {"200", "401", "404", "422", "503", "504"}
    assert set(paths["/v1/streams/{stream}/events"]["post"]["requestBody"]["content"]) >= {"application/x-ndjson"}


@pytest.mark.parametrize("path", ["/v1/batch/runs", "/v1/batch/runs/any", "/v1/predictions/any"])
def test_every_read_waits_until_the_fold_has_passed_a_position(home: Home, path: str) -> None:
    assert home.get(path, 504, after="0:999", timeout_ms=1)["after"] == "0:999"
    assert home.get(path, 422, after="soon")["parameter"] == "after"
    assert home.get(path, 422, before="0:1")["parameter"] == "before"
