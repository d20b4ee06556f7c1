"""A service with models that is killed again and again ends with the scores and weights of one that never was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.end_to_end.test_models import APPLICATION, batch, described, rides
from tests.service import Service

MODELS = ("duration", "member")
PART = 200
PARTS = 6
KILLED_AFTER = (0, 2, 3, 5)
TRAINED_AFTER = (1,)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[list[Service]]:
    """One that will be killed, and one that will not. They checkpoint often."""
    names = ("killed", "spared")
    found = [Service(APPLICATION, tmp_path / name, ANABRANCH_CHECKPOINT_RECORDS="150") for name in names]
    yield found
    for service in found:
        service.close()


def learnt(service: Service) -> dict[str, Any]:
    """What the models learnt of the log, without what names a place in it: markers stand where they fell."""
    told = {name: described(service, name) for name in MODELS}
    kept = ("champion", "weights", "scores", "series", "clipped", "failed")
    for answer in told.values():
        for point in answer["series"]:
            point.pop("at", None)
    return {name: {fact: answer[fact] for fact in kept} for name, answer in told.items()}


def test_a_killed_learner_goes_on_to_the_bit(services: list[Service]) -> None:
    killed, spared = services
    chance = Random(1)
    for service in services:
        service.start()
        for part in range(PARTS):
            events = rides(part * PART, PART)
            first = chance.randrange(1, PART) if service is killed else PART
            for some in (events[:first], events[first:]):
                if some:
                    service.post("rides", some)
                if service is killed and part in KILLED_AFTER:
                    service.kill()
                    service.start()
            if part in TRAINED_AFTER:
                batch(service)
    assert learnt(killed) == learnt(spared)
    assert learnt(spared)["duration"]["scores"]["blend"]["count"] > PART
