"""A real ``up`` process is killed under load at random moments: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import threading
import time
from random import Random

import httpx
import pytest

from tests.recovery.conftest import assert_exact, on_either_database, rides, seeds
from tests.service import Service

pytestmark = on_either_database


@pytest.mark.parametrize("seed", seeds())
def test_a_killed_service_comes_back_with_every_acknowledged_event_and_exact_views(service: Service, seed: int) -> None:
    chance = Random(seed)
    sent = [rides(chance, first, 25) for first in range(0, 3_000, 25)]
    acknowledged = 0
    service.start()
    for _ in range(4):
        ended = threading.Event()

        def load(begin: int = acknowledged, ended: threading.Event = ended) -> None:
            nonlocal acknowledged
            for batch in sent[begin : begin + 30]:
                try:
                    service.post("rides", batch)  # one that was cut off is sent again after the restart
                except httpx.TransportError:
                    break
                acknowledged += 1
            ended.set()

        loader = threading.Thread(target=load)
        loader.start()
        ended.wait(chance.uniform(0.02, 0.4))
        service.kill()
        loader.join()
        service.start()
    position = ""
    for batch in sent[acknowledged:]:
        position = service.post("rides", batch)["position"]
    everything = [event for batch in sent for event in batch]
    logged = service.events("rides")
    assert sorted(e["data"]["ride_id"] for e in logged) == sorted(e["ride_id"] for e in everything)
    assert_exact(service, everything, position)


def test_a_stopped_service_goes_on_from_its_last_checkpoint(service: Service) -> None:
    chance = Random(3)
    service.start()
    events = rides(chance, 0, 1_000)
    position = service.post("rides", events)["position"]
    assert_exact(service, events, position)
    service.stop()
    checkpoints = list((service.home / "checkpoints").glob("*.checkpoint"))
    assert f"{int(position.split(':')[1]):020d}.checkpoint" in {path.name for path in checkpoints}
    service.start()
    assert_exact(service, events, position)


def test_a_killed_service_comes_back_although_a_batch_run_went_on_without_it(service: Service) -> None:
    chance = Random(4)
    service.start()
    events = rides(chance, 0, 2_000)
    for first in range(0, 2_000, 100):
        position = service.post("rides", events[first : first + 100])["position"]
    batch = service.batch()
    time.sleep(chance.uniform(0, 1))  # anywhere in the run
    service.kill()
    assert batch.wait(120) == 0
    service.start()
    more = rides(chance, 2_000, 100)
    position = service.post("rides", more)["position"]
    assert_exact(service, events + more, position)
    answer = service.client.get("/v1/views/ever", params={"after": position}).json()
    assert answer["generation"] == 1
