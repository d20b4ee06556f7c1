from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from infra.demo.shows import SHOWS, ShownRequest
from tests.examples.conftest import Example

FLIGHTS = 2_000


@pytest.fixture(scope="module")
def requests(flights: Example) -> list[ShownRequest]:
    return SHOWS["flights"].requests(flights.rows()[:FLIGHTS])


def test_every_flight_leaves_once_and_lands_once_if_it_lands(flights: Example, requests: list[ShownRequest]) -> None:
    ((landed,),) = flights.sql(f"SELECT count(delay) FROM (FROM data LIMIT {FLIGHTS})")
    ids = {
        stream: [
            json.loads(line)["flight_id"] for request in requests if request.stream == stream for line in request.lines
        ]
        for stream in ("departures", "arrivals")
    }
    assert len(ids["departures"]) == len(set(ids["departures"])) == FLIGHTS
    assert len(ids["arrivals"]) == len(set(ids["arrivals"])) == landed
    assert set(ids["arrivals"]) < set(ids["departures"]), "cancelled flights never land"


def test_an_arrival_is_posted_after_its_departure_and_nothing_before_its_time(requests: list[ShownRequest]) -> None:
    left: set[int] = set()
    newest = datetime(2013, 1, 1, tzinfo=UTC)
    for request in requests:
        for event in map(json.loads, request.lines):
            at = datetime.fromisoformat(event.get("landed") or event["scheduled"])
            assert at > newest - timedelta(minutes=30)
            newest = max(newest, at)
            if request.stream == "departures":
                assert "delay" not in event
                assert "landed" not in event
                left.add(event["flight_id"])
            else:
                assert event["flight_id"] in left


def test_labels_come_hours_later(flights: Example) -> None:
    ((hours, most),) = flights.sql(
        "SELECT avg(epoch(landed - scheduled)) / 3600, max(epoch(landed - scheduled)) FROM data"
    )
    assert 2 < hours < 5
    assert most < 24 * 3600, "the label is within a day of its example"


def test_a_flight_knows_only_of_flights_that_have_landed(flights: Example, requests: list[ShownRequest]) -> None:
    frozen = iter(flights.frozen("delay", requests))
    arrived: list[dict[str, object]] = []
    seen = 0
    for request in requests:
        for line in request.lines:
            event = json.loads(line)
            if request.stream == "arrivals":
                arrived.append({**event, "landed": datetime.fromisoformat(event["landed"])})
                continue
            features = next(frozen)
            assert isinstance(features, dict)
            scheduled = datetime.fromisoformat(event["scheduled"])
            first = (scheduled - timedelta(hours=2) + timedelta(microseconds=1)).replace(
                minute=0, second=0, microsecond=0
            )
            last = scheduled.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            delays = [
                float(other["delay"])  # type: ignore[arg-type]
                for other in arrived
                if other["origin"] == event["origin"] and first <= other["landed"] < last  # type: ignore[operator]
            ]
            expected = sum(delays) / len(delays) if delays else None
            assert features["origin_delay"] == (None if expected is None else pytest.approx(expected))
            seen += expected is not None
    assert seen > FLIGHTS / 2
