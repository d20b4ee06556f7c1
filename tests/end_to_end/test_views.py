"""Reading views over HTTP against a real process."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.conftest import ride
from tests.service import Service

FACTS = {"generation", "batch_cut", "speed_cut", "lag_seconds"}


def test_a_client_reads_its_own_writes(shared: Service) -> None:
    for number in range(20):
        position = shared.post("rides", [ride(number, "own")])["position"]
        (row,) = shared.rows("ever", position, station="own")
        assert row["n"] == number + 1


def test_every_answer_says_how_fresh_it_is(shared: Service) -> None:
    for path in ("/v1/views/hourly", "/v1/streams/rides", "/readyz"):
        assert shared.client.get(path).json().keys() >= FACTS
    names = {view["view"] for view in shared.client.get("/v1/views").json()["views"]}
    assert names == {"hourly", "recent", "ever", "long", "letters"}


def test_tiles_are_found_by_time_and_sum_up(shared: Service) -> None:
    position = shared.post("rides", [ride(number, "times") for number in range(0, 600, 10)])["position"]
    hours = shared.rows("hourly", position, station="times")
    assert [row["tile"] for row in hours] == [f"2024-05-01T{hour:02}:00:00Z" for hour in range(10)]
    assert all(row["n"] == 6 for row in hours)
    two = {"start": "2024-05-01T03:00:00Z", "end": "2024-05-01T05:00:00Z"}
    assert shared.rows("hourly", station="times", **two) == hours[3:5]
    (total,) = shared.rows("hourly", station="times", group="total")
    assert (total["n"], total["tile"], total["minutes"]) == (60, None, sum(row["minutes"] for row in hours))
    last = shared.rows("hourly", station="times", last="2h", end="2024-05-01T10:00:00Z")
    assert last == hours[-2:]


def test_before_the_first_generation_speed_is_all_there_is(shared: Service) -> None:
    position = shared.post("rides", [ride(1, "layers")])["position"]
    merged = shared.rows("hourly", position, station="layers")
    assert merged == shared.rows("hourly", station="layers", layer="speed")
    assert shared.rows("hourly", station="layers", layer="batch") == []


def test_pages_join_without_gap_or_overlap(shared: Service) -> None:
    position = shared.post("rides", [ride(60 * n, f"page{n % 7}") for n in range(70)])["position"]
    whole = shared.rows("hourly", position, limit=1000)
    assert shared.rows("hourly", limit=3) == whole
    assert len(whole) == len({(row["station"], row["tile"]) for row in whole})


def test_an_answer_that_is_too_far_ahead_is_a_504_that_says_how_far_the_fold_is(shared: Service) -> None:
    response = shared.client.get("/v1/views/hourly", params={"after": "0:99999999", "timeout_ms": 50})
    assert response.status_code == 504
    assert shared.client.get("/readyz").json()["speed_cut"] in response.text


@pytest.mark.parametrize(
    "query",
    [
        {"colour": "red"},
        {"limit": 0},
        {"limit": 100_001},
        {"limit": "ten"},
        {"layer": "both"},
        {"start": "yesterday"},
        {"start": "2024-05-01T00:00:00"},
        {"last": "5 minutes"},
        {"after": "12"},
        {"timeout_ms": 120_001},
        {"next": "nonsense"},
    ],
)
def test_a_wrong_query_is_a_422_that_names_the_parameter(shared: Service, query: dict[str, Any]) -> None:
    response = shared.client.get("/v1/views/hourly", params=query)
    assert response.status_code == 422
    assert next(iter(query)) in response.json()["detail"]


def test_unknown_names_are_404_and_wrong_methods_405(shared: Service) -> None:
    unknown = shared.client.get("/v1/views/nothing")
    assert unknown.status_code == 404
    assert "hourly" in unknown.json()["detail"]
    assert shared.client.get("/v1/nothing").status_code == 404
    wrong = shared.client.put("/v1/views/hourly")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]
    assert {unknown.headers["Content-Type"], wrong.headers["Content-Type"]} == {"application/problem+json"}


def test_the_pages_around_the_api_answer(shared: Service) -> None:
    assert shared.client.get("/healthz").status_code == 200
    assert shared.client.get("/docs").status_code == 200
    assert "/v1/views/{view}" in str(shared.client.get("/openapi.json").json()["paths"].keys())
    assert "anabranch_" in shared.client.get("/metrics").text


@pytest.mark.parametrize("path", ["/healthz", "/v1/views/hourly", "/v1/streams/rides/events", "/"])
def test_a_head_is_that_of_a_get(shared: Service, path: str) -> None:
    head, whole = shared.client.head(path), shared.client.get(path)
    assert (head.status_code, head.headers["Content-Type"]) == (whole.status_code, whole.headers["Content-Type"])
    assert head.content == b""
    assert whole.content
    assert shared.client.head("/v1/sql").status_code == 405
