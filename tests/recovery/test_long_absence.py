"""A replica that was killed, and comes back after more batch runs than generations are kept, has lost nothing.

Its models learn from every event behind its checkpoint once more, each beside the champion of that time: so it needs
the generations of its past. Beside it there is another one on the same log and store, which was never killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from batch.generations import KEPT_GENERATIONS
from infra.batch_command import run_batch
from infra.composition import opened
from infra.settings import Settings
from tests.recovery.test_recovered_watermarks import APPLICATION
from tests.service import Service

PART = 150
RUNS_MEANWHILE = KEPT_GENERATIONS + 1


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Service]]:
    """Two services, each with a home of its own, on one log and one store."""
    shared = {f"ANABRANCH_{name.upper()}": value for name, value in shared_settings(tmp_path).items()}
    often = {"ANABRANCH_CHECKPOINT_RECORDS": "100"}
    found = [Service(APPLICATION, tmp_path / name, **shared, **often) for name in ("killed", "spared")]
    yield found
    for service in found:
        service.close()


def shared_settings(folder: Path) -> dict[str, str]:
    return {"database": f"sqlite:///{folder}/log.db", "store": str(folder / "store")}


def batch(folder: Path) -> None:
    """A batch run on a machine of its own, two days after the last one: what nobody needs is gone after a day."""
    two_days_ago = time.time() - 2 * 86_400
    for path in (folder / "store").rglob("*"):
        if path.is_file():
            os.utime(path, (two_days_ago, two_days_ago))
    with opened(Settings.load(app=str(APPLICATION), home=folder / "batch", **shared_settings(folder))) as process:
        assert run_batch(process, full=False) == 0


def rides(part: int) -> list[dict[str, Any]]:
    """Rides whose length depends on the station in another way in each part, so that champions differ."""
    chance = Random(part)
    start = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(minutes=PART * part)
    return [
        {
            "station": (station := chance.choice("AB")),
            "at": (start + timedelta(minutes=number)).isoformat(),
            "minutes": chance.randrange(10) + (5 * part if station == "A" else 20),
        }
        for number in range(PART)
    ]


def told(service: Service, after: str) -> dict[str, Any]:
    """All that it tells of models and views once it has folded everything, but how late it is."""
    query = {"after": after, "timeout_ms": "60000"}
    answers = [service.client.get(path, params=query) for path in ("/v1/models/duration", "/v1/views/hourly")]
    answers.append(service.client.get("/v1/models"))
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
    return {str(answer.url.path): without_lag(answer.json()) for answer in answers}


def without_lag(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: without_lag(value) for name, value in answer.items() if name != "lag_seconds"}
    return [without_lag(value) for value in answer] if isinstance(answer, list) else answer


def log_end(service: Service) -> str:
    """Where the log ends once both have told it all that they have to."""
    end: str = service.client.get("/readyz").json()["log_end"]
    return end


def test_a_replica_that_was_away_for_many_batch_runs_has_learnt_what_one_has_that_was_not(
    replicas: list[Service], tmp_path: Path
) -> None:
    killed, spared = replicas
    for service in replicas:
        service.start()
    spared.post("rides", rides(0))
    batch(tmp_path)
    position = spared.post("rides", rides(1))["position"]
    for service in replicas:
        told(service, position)
    killed.kill()
    for part in range(2, 2 + RUNS_MEANWHILE):
        batch(tmp_path)
        spared.post("rides", rides(part))
    killed.start()
    told(killed, log_end(killed))  # samples and alarms that it gives to the log stand there already
    end = log_end(spared)
    expected = told(spared, end)
    assert told(killed, end) == expected
    counts = [score["count"] for score in expected["/v1/models/duration"]["scores"].values()]
    assert max(counts) == (1 + RUNS_MEANWHILE) * PART
    assert killed.client.get("/dashboard/snapshot").json()["warnings"] == []
