"""Alarms: for a loss that grew and stays, and for nothing else."""

from __future__ import annotations

from random import Random

import pytest

from anabranch.metric import Metric
from speed.learning.drift import WARM_UP, Drift

SQUARED: Metric = "squared_error"


def alarms(metric: Metric, losses: list[float]) -> list[int]:
    drift = Drift(metric)
    return [place for place, loss in enumerate(losses) if drift.update(loss)]


def noise(count: int, level: float = 1.0, seed: int = 7) -> list[float]:
    chance = Random(seed)
    return [level * chance.uniform(0.5, 1.5) for _ in range(count)]


@pytest.mark.parametrize("metric", ["absolute_error", "squared_error", "log_loss"])
def test_a_loss_that_grows_tenfold_is_an_alarm_once_and_soon(metric: Metric) -> None:
    (place,) = alarms(metric, [*noise(2_000), *noise(300, 10.0 if metric != SQUARED else 100.0)])
    assert 2_000 < place < 2_200


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_unit_of_the_loss_does_not_matter(unit: float) -> None:
    losses = [*noise(2_000), *noise(300, 10.0)]
    assert alarms("absolute_error", [loss * unit for loss in losses]) == alarms("absolute_error", losses)


@pytest.mark.parametrize(
    "losses",
    [
        noise(3_000),
        [*noise(2_000), *noise(1_000, 0.1)],
        [*noise(2_000), 1e12, *noise(1_000)],
        [*noise(2_000), *noise(1_000, 1.2)],
        [0.0] * 3_000,
        noise(WARM_UP - 100, 10.0) + noise(100, 100.0),
    ],
    ids=["steady", "better", "one wild error", "a little worse", "perfect", "at the beginning"],
)
def test_what_is_no_lasting_harm_is_no_alarm(losses: list[float]) -> None:
    assert alarms("absolute_error", losses) == []
