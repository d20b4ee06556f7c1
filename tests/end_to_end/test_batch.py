"""Batch runs beside a running service: by cron's command and by HTTP."""

from __future__ import annotations

import signal
import subprocess
import time
from random import Random
from typing import Any

import pytest

from eventlog.registry.database import Database
from eventlog.registry.runs import Runs
from tests.end_to_end.conftest import rides
from tests.processes import ends
from tests.service import Service

VIEWS = ("hourly", "recent", "ever", "long", "letters")


def close(row: dict[str, Any]) -> dict[str, Any]:
    """Floats to nine digits: sums agree to 1e-9 however the log is cut."""
    return {name: float(f"{value:.9g}") if isinstance(value, float) else value for name, value in row.items()}


def answers(service: Service, after: str | None = None, **query: Any) -> dict[str, list[dict[str, Any]]]:
    return {view: [close(row) for row in service.rows(view, after, **query)] for view in VIEWS}


def finished(service: Service, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        state: dict[str, Any] = service.client.get(f"/v1/batch/runs/{run}").json()
        if state["status"] != "running":
            return state
        time.sleep(0.05)  # its progress is what is asked for
    raise AssertionError(f"run {run} does not end: {state}")


def test_a_generation_takes_over_without_a_change_of_any_answer(service: Service) -> None:
    chance = Random(1)
    service.start()
    service.post("clicks", [{"page": "abc", "size": n} for n in range(50)])
    position = service.post("rides", rides(chance, 0, 3_000))["position"]
    before = answers(service, position)

    assert service.batch().wait(120) == 0
    published = int(position.split(":")[1]) + 2
    after = answers(service, f"0:{published}")
    assert after == before
    answer = service.client.get("/v1/views/hourly").json()
    assert (answer["generation"], answer["batch_cut"]) == (1, position)
    assert answers(service, layer="batch") == before
    assert answers(service, layer="speed") == {view: [] for view in VIEWS}

    position = service.post("rides", rides(chance, 3_000, 500))["position"]
    merged = answers(service, position)
    started = service.client.post("/v1/batch/runs")
    assert started.status_code == 202
    run = finished(service, started.json()["run"])
    assert (run["status"], run["generation"]) == ("published", 2)
    assert [stage["name"] for stage in run["stages"]] == ["mark", "archive", "fold", "merge", "publish", "trim"]
    assert answers(service, f"0:{int(position.split(':')[1]) + 2}") == merged

    assert service.batch("--full").wait(120) == 0
    assert answers(service) == merged
    assert [r["status"] for r in service.client.get("/v1/batch/runs").json()["runs"]] == ["published"] * 3

    service.stop()
    service.start()
    assert answers(service) == merged
    assert service.client.get("/readyz").json()["generation"] == 3


def test_of_two_batch_runs_at_once_one_publishes_and_one_ends_with_75(service: Service) -> None:
    service.start()
    service.post("rides", rides(Random(2), 0, 2_000))
    first, second = service.batch(), service.batch()
    assert sorted([first.wait(120), second.wait(120)]) == [0, 75]
    runs = service.client.get("/v1/batch/runs").json()["runs"]
    assert [run["status"] for run in runs] == ["published"]


def test_a_batch_run_works_without_a_service_and_tells_its_stages_a_line_each(service: Service) -> None:
    service.start()
    position = service.post("rides", rides(Random(3), 0, 500))["position"]
    before = answers(service, position)
    service.stop()
    run = subprocess.run(
        service.command("batch", "run", str(service.application)), capture_output=True, text=True, check=True
    )
    stages = [line.split('"')[3] for line in run.stderr.splitlines() if line.startswith("{")]
    assert stages == ["mark", "archive", "fold", "merge", "publish", "trim"]
    shown = subprocess.run(service.command("batch", "list"), capture_output=True, text=True, check=True).stdout
    name = shown.splitlines()[1].split()[0]
    assert "published" in shown
    shown = subprocess.run(service.command("batch", "show", name), capture_output=True, text=True, check=True).stdout
    assert "publish" in shown
    service.start()
    assert answers(service) == before
    assert service.client.get("/v1/views/ever").json()["generation"] == 1
    assert service.client.get("/v1/batch/runs/nothing").status_code == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_batch_run_ends_with_the_service_that_started_it(service: Service, number: signal.Signals) -> None:
    service.start()
    service.post("rides", rides(Random(1), 0, 3_000))
    name = service.client.post("/v1/batch/runs").json()["run"]
    database = Database(f"sqlite:///{service.home}/log.db")
    runs = Runs(database)
    run = runs.get(name)
    assert run is not None
    assert run.pid is not None
    assert service.process is not None
    service.process.send_signal(number)
    service.process.wait(60)
    service.process = None
    assert ends(run.pid, 0 if number == signal.SIGTERM else 30)
    run = runs.get(name)
    database.close()
    assert run is not None
    assert run.status in ("abandoned", "published"), run  # it may have been quicker
    assert service.batch().wait(120) == 0, "it left nothing behind that keeps the next from running"
