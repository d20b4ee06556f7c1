"""What an operator has of a real service: metrics, dashboard and alerts for them, logs, status, the next run."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.test_batch import finished
from tests.end_to_end.test_models import APPLICATION, ASKED, end, rides
from tests.monitoring import expressions, series_of
from tests.service import Service

FAMILIES = {
    "ingest rate": "anabranch_events",
    "rejects by reason": "anabranch_rejected_events",
    "commit latency": "anabranch_commit_seconds",
    "fold rate": "anabranch_records_folded",
    "lag": "anabranch_lag_seconds",
    "keys": "anabranch_view_keys",
    "tiles": "anabranch_view_tiles",
    "epoch memory": "anabranch_epoch_bytes",
    "predict latency": "anabranch_predict_seconds",
    "loss by expert": "anabranch_model_loss",
    "batch stage seconds": "anabranch_batch_stage_seconds",
    "generation age": "anabranch_generation_age_seconds",
    "next run": "anabranch_batch_next_run_timestamp_seconds",
    "memory of the process": "process_resident_memory_bytes",
}
"""What issue 4 wants to be told, and the family that tells it."""
STAGES = ["mark", "archive", "fold", "merge", "replay", "train", "publish", "trim"]
ELSEWHERE = {"up"}
"""Series that Prometheus makes itself."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has seen events, rejects, a batch run, predictions and a query, with a key, and logs as JSON."""
    service = Service(
        APPLICATION,
        tmp_path_factory.mktemp("observed") / "home",
        ANABRANCH_API_KEY="river",
        ANABRANCH_LOG_FORMAT="json",
        ANABRANCH_BATCH_CRON="30 2 1 1 *",
        ANABRANCH_BATCH_TIMEZONE="Europe/Berlin",
        ANABRANCH_WORKERS="2",
    )
    service.client.headers["Authorization"] = "Bearer river"
    try:
        service.start()
        service.post("rides", rides(0, 600))
        service.client.post("/v1/streams/rides/events", json={"ride_id": "x"}, headers={"X-Request-ID": "the-rejected"})
        run = service.client.post("/v1/batch/runs").json()["run"]
        assert finished(service, run)["status"] == "published", service.output.read_text()
        service.post("rides", rides(600, 100))
        asked: dict[str, Any] = {"after": end(service), "timeout_ms": 60_000}
        for model in ("duration", "member"):
            assert service.client.post(f"/v1/models/{model}/predict", json=ASKED, params=asked).status_code == 200
        assert service.client.post("/v1/sql", json={"sql": "SELECT 1"}).status_code == 200
        yield service
    finally:
        service.close()


def families(service: Service) -> dict[str, Metric]:
    response = service.client.get("/metrics")
    assert response.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(response.text)}


def status(service: Service, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it who knows the home, and not the port."""
    return subprocess.run(
        service.command("status", *options),
        env={**service.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def told(service: Service, *options: str) -> dict[str, Any]:
    done = status(service, "--json", *options)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# metrics


@pytest.mark.parametrize("what", FAMILIES)
def test_everything_that_was_asked_for_is_told_and_explained(service: Service, what: str) -> None:
    family = families(service)[FAMILIES[what]]
    assert family.samples, f"{family.name} has no sample"
    assert len(family.documentation) > 20


def test_every_family_of_ours_is_named_and_explained_as_prometheus_wants_it(service: Service) -> None:
    for family in families(service).values():
        assert family.documentation.strip(), f"{family.name} has no help"
        if family.name.startswith("anabranch_") and family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples), family.name
        assert not re.search(r"_(ms|millis|us|micros|kb|mb)$", family.name)


def test_the_figures_are_those_of_the_service(service: Service) -> None:
    found = families(service)

    def samples(name: str, **labels: str) -> list[Any]:
        every = [sample for family in found.values() for sample in family.samples if sample.name == name]
        return [sample for sample in every if labels.items() <= sample.labels.items()]

    def value(name: str, **labels: str) -> float:
        (sample,) = samples(name, **labels)
        return float(sample.value)

    assert value("anabranch_rejected_events_total", reason="missing", stream="rides") == 1
    assert value("anabranch_events_total", outcome="accepted", stream="rides") == 700
    assert value("anabranch_predict_seconds_count", model="duration") == 1
    assert {sample.labels["expert"] for sample in samples("anabranch_model_loss")} == {"batch", "speed", "blend"}
    assert [sample.labels["stage"] for sample in samples("anabranch_batch_stage_seconds")] == STAGES
    assert 0 <= value("anabranch_generation_age_seconds") < 600
    assert value("anabranch_commit_seconds_count") >= 4
    assert value("anabranch_epoch_bytes", view="hourly") > 0


# for Prometheus and Grafana


@pytest.mark.parametrize("file", ["alerts", "dashboard"])
def test_every_series_that_is_asked_for_is_told(service: Service, file: str) -> None:
    known = {sample.name for family in families(service).values() for sample in family.samples} | ELSEWHERE
    known |= {"anabranch_drift_alarm_timestamp_seconds", "anabranch_labels_pending"} & set(
        families(service)
    )  # no sample here
    asked = [series_of(expression) for expression in expressions()[file]]
    assert all(asked)
    assert set().union(*asked) - known == set()


def test_the_dashboard_shows_every_metric(service: Service) -> None:
    shown = set().union(*map(series_of, expressions()["dashboard"]))
    shown = {re.sub(r"_(?:total|bucket|count|sum)$", "", name) for name in shown}
    ours = {name for name in families(service) if name.startswith("anabranch_") and not name.endswith("_created")}
    assert ours - shown == set()


# logs


def test_every_line_is_an_object_and_processes_name_their_run(service: Service) -> None:
    greeting, *lines = sorted(service.output.read_text().splitlines(), key=lambda line: line.startswith("{"))
    assert greeting.startswith("models is served at")
    logged = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in logged)
    run = service.client.get("/v1/batch/runs").json()["runs"][0]["run"]
    stages = [line for line in logged if line["logger"] == "infra.progress_display"]
    assert [line["stage"] for line in stages] == STAGES
    assert {line["run"] for line in stages} == {run}
    published = next(line for line in logged if line["message"].startswith("published generation"))
    assert (published["run"], published["generation"]) == (run, 1)


def test_a_request_is_found_by_its_id(service: Service) -> None:
    logged = [json.loads(line) for line in service.output.read_text().splitlines() if line.startswith("{")]
    found = next(line for line in logged if line.get("request_id") == "the-rejected")
    facts = {name: found[name] for name in ("logger", "method", "path", "status")}
    path = "/v1/streams/rides/events"
    assert facts == {"logger": "serving.access", "method": "POST", "path": path, "status": 422}


# status, and the next run


def test_the_dashboard_and_status_tell_the_run_that_cron_will_start(service: Service) -> None:
    year = datetime.now(UTC).year + 1
    expected = f"{year}-01-01T01:30:00Z"  # 2:30 in Berlin
    assert service.client.get("/dashboard/snapshot").json()["next_run"] == expected
    assert told(service)["next_run"] == expected
    assert f"{expected}, in" in status(service).stdout


def test_status_tells_scripts_what_metrics_and_dashboard_tell(service: Service) -> None:
    found = told(service)
    snapshot = service.client.get("/dashboard/snapshot").json()
    assert (found["service"], found["address"], found["app"]) == ("ready", f"http://127.0.0.1:{service.port}", "models")
    for name in ("generation", "batch_cut", "log_end", "models", "rejected", "epochs"):
        assert found[name] == snapshot[name]
    assert found["views"]["hourly"]["tiles"] > 0
    assert found["predict"]["duration"]["count"] == 1
    assert found["predict"]["duration"]["p99_seconds"] > 0
    assert [stage["name"] for stage in found["runs"][0]["stages"]] == STAGES
    assert found["fold_per_second"] >= 0
    assert found["ingest_per_second"] >= 0
    assert found["generation_age_seconds"] > 0


def test_status_tells_people_the_same(service: Service) -> None:
    done = status(service, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"view hourly +\d+ keys, \d+ tiles, [\d.]+ k?B in the epochs; \d+ tiles in the gen", done.stdout)
    for text in ("records/s now", "events/s", "lag", "predict duration", "train", "model duration", "rejected"):
        assert text in done.stdout


def test_without_the_key_status_says_so(service: Service) -> None:
    for key in ("lake", None):
        environment = {name: value for name, value in service.environment.items() if name != "ANABRANCH_API_KEY"}
        given = {} if key is None else {"ANABRANCH_API_KEY": key}
        command = service.command("status")
        done = subprocess.run(command, env={**environment, **given}, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "ANABRANCH_API_KEY" in done.stdout
        assert "Traceback" not in done.stderr


def test_watching_tells_scripts_an_object_a_line_until_it_is_interrupted(service: Service) -> None:
    command = service.command("status", "--watch", "--json")
    with subprocess.Popen(command, env=service.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == b""
    assert [line["service"] for line in found] == ["ready", "ready"]
    assert found[0]["time"] < found[1]["time"]


def test_watching_in_a_terminal_ends_clean_and_outlives_the_service(service: Service) -> None:
    """The last test: it ends the service."""
    ours, theirs = pty.openpty()
    environment = {**service.environment, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        service.command("status", "--watch"), env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""

    def until(text: bytes) -> None:
        nonlocal seen
        start, deadline = len(seen), time.monotonic() + 60
        while text not in seen[start:]:
            assert time.monotonic() < deadline, seen.decode()
            seen += os.read(ours, 65_536)

    try:
        until(b"ready")
        service.stop()
        until(b"none at")
        service.start()
        until(b"model duration")
        process.send_signal(signal.SIGINT)
        until(b"\x1b[?25h")  # the cursor is back
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"Traceback" not in seen
    service.stop()
    assert status(service).returncode == 0
    gone = status(service, "--check")
    assert gone.returncode == 3
    assert "checkpoint" in gone.stdout
