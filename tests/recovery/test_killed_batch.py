"""A real batch process is killed at random moments: answers stay exact, and the next run succeeds."""

from __future__ import annotations

import signal
import time
from random import Random
from typing import Any

import pytest

from tests.recovery.conftest import assert_exact, on_either_database, rides, seeds
from tests.service import Service

pytestmark = on_either_database


@pytest.mark.parametrize("seed", seeds())
def test_a_batch_killed_anywhere_leaves_answers_exact_and_the_next_run_succeeds(service: Service, seed: int) -> None:
    chance = Random(seed)
    service.start()
    events: list[dict[str, Any]] = []
    begun = time.monotonic()
    assert service.batch().wait(120) == 0
    run_seconds = time.monotonic() - begun
    for _ in range(5):
        more = rides(chance, len(events), 600)
        events += more
        position = service.post("rides", more)["position"]
        batch = service.batch()
        time.sleep(chance.uniform(0.3, 1.0) * run_seconds)  # anywhere in the run
        batch.send_signal(signal.SIGKILL)
        batch.wait()
        assert_exact(service, events, position)
    assert service.batch().wait(120) == 0
    assert_exact(service, events, position)
    runs = service.client.get("/v1/batch/runs").json()["runs"]
    assert runs[0]["status"] == "published"
    assert {run["status"] for run in runs} <= {"published", "abandoned", "failed"}
