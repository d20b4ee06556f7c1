"""The snapshot: right, and computed once for all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from eventlog.errors import LogUnavailableError
from serving.dashboard.snapshot import CachedAnswer, OverviewSnapshots
from serving.models.model_status import ModelDirectory
from tests.serving.conftest import Home, home, make_home

__all__ = ["home", "make_home"]


def test_an_answer_is_kept_for_a_while_and_then_computed_again() -> None:
    now = 0.0
    answers = count(1)
    kept = CachedAnswer(1.0, lambda: next(answers), lambda: now)
    assert [kept.get(), kept.get()] == [1, 1]
    now = 0.99
    assert kept.get() == 1
    now = 1.0
    assert kept.get() == 2


def test_what_failed_is_tried_again() -> None:
    answers: list[Any] = [RuntimeError("away"), 7]

    def compute() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = CachedAnswer(1.0, compute, lambda: 0.0)
    with pytest.raises(RuntimeError):
        kept.get()
    assert kept.get() == 7


def test_it_tells_what_the_api_tells(home: Home) -> None:
    position = home.post({"rental_id": "a", "station": "A", "started": "2023-05-01T08:00:00Z", "minutes": 3})
    home.client.post("/v1/streams/rentals/events", json={"minutes": -1})
    ready = home.get("/v1/views", after=position)
    told = home.get("/dashboard/snapshot")
    for name in ("generation", "batch_cut", "speed_cut"):
        assert told[name] == ready[name]
    assert (told["log_end"], told["rejected"]) == ("0:1", {"rentals": 1, "pings": 0})
    assert told["epochs"] == [{"start": "0:0", "run": None}]
    assert (told["next_run"], told["models"], told["runs"]) == (None, [], [])


def test_the_next_run_is_told(make_home: Callable[..., Home]) -> None:
    home = make_home(next_run=lambda: 1_700_000_060_000_000)
    assert home.get("/dashboard/snapshot")["next_run"] == "2023-11-14T22:14:20Z"


def test_rates_are_those_of_users_and_of_predictions(make_home: Callable[..., Home]) -> None:
    counts = {"rentals": 2, "pings": 3, "_predictions": 4, "_features": 5}
    home = make_home(rates=lambda: [(1_700_000_000_000_000, counts), (1_700_000_005_000_000, {})])
    assert home.get("/dashboard/snapshot")["rates"] == {
        "start": "2023-11-14T22:13:20Z",
        "seconds": 5,
        "events": [5, 0],
        "predictions": [4, 0],
    }


def test_without_the_database_the_rest_is_told(home: Home, make_home: Callable[..., Home]) -> None:
    def away() -> Any:
        raise LogUnavailableError("disk full")

    other = make_home(rates=away)
    told = OverviewSnapshots(other.service, ModelDirectory(other.service)).snapshot()
    assert (told["log_end"], told["runs"]) == (None, [])
    assert "disk full" in told["problem"]
    assert told["speed_cut"] == "0:0"
