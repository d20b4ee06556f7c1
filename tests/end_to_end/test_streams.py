"""Posting events and reading the log, over HTTP against a real process."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.end_to_end.conftest import ride
from tests.service import Service

RIDES = "/v1/streams/rides/events"


def ndjson(events: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


def arrow(events: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist([{**event, "at": datetime.fromisoformat(event["at"])} for event in events])
    sink = io.BytesIO()
    with pa.RecordBatchStreamWriter(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def cloud(event: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "type": "ride", "source": "/docks", "id": event["ride_id"], "data": event}


BODIES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "application/json": lambda events: json.dumps(events).encode(),
    "application/x-ndjson": ndjson,
    "application/jsonl": ndjson,
    "application/vnd.apache.arrow.stream": arrow,
    "application/cloudevents-batch+json": lambda events: json.dumps([cloud(event) for event in events]).encode(),
}


@pytest.mark.parametrize("kind", BODIES)
def test_events_arrive_by_every_kind_of_body_and_a_second_time_they_are_duplicates(shared: Service, kind: str) -> None:
    events = [ride(number, f"by {kind} ") for number in range(3)]
    body = BODIES[kind](events)
    first = shared.client.post(RIDES, content=body, headers={"Content-Type": kind})
    assert (first.status_code, first.json()["accepted"], first.json()["duplicates"]) == (201, 3, 0)
    again = shared.client.post(RIDES, content=body, headers={"Content-Type": kind})
    assert (again.status_code, again.json()["accepted"], again.json()["duplicates"]) == (201, 0, 3)
    assert again.json()["position"] == first.json()["position"]
    assert shared.rows("hourly", first.json()["position"], station=f"by {kind} ")[0]["n"] == 3


def test_a_single_object_and_a_single_cloudevent_are_one_event(shared: Service) -> None:
    plain = shared.client.post(RIDES, json=ride(1, "single"))
    assert (plain.status_code, plain.json()["accepted"]) == (201, 1)
    kind = {"Content-Type": "application/cloudevents+json"}
    wrapped = shared.client.post(RIDES, content=json.dumps(cloud(ride(2, "single"))), headers=kind)
    assert (wrapped.status_code, wrapped.json()["accepted"]) == (201, 1)
    binary = {"ce-specversion": "1.0", "ce-type": "ride", "ce-source": "/docks", "ce-id": "x"}
    headed = shared.client.post(RIDES, json=ride(3, "single"), headers=binary)
    assert (headed.status_code, headed.json()["accepted"]) == (201, 1)


def test_what_is_wrong_is_rejected_with_reasons_and_what_is_right_is_accepted(shared: Service) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    events = [
        ride(1, "mixed"),
        ride(2, "mixed", minutes=-1),
        ride(3, "mixed", at="2024-05-01T10:00:00"),
        ride(4, "mixed", at=ahead),
        {"ride_id": "only"},
        ride(5, "mixed", note="an extra field is kept"),
    ]
    response = shared.client.post(RIDES, json=events)
    answer = response.json()
    assert (response.status_code, answer["accepted"]) == (207, 2)
    assert [rejected["index"] for rejected in answer["rejected"]] == [1, 2, 3, 4]
    assert all(rejected["errors"] for rejected in answer["rejected"])
    position = f"0:{int(answer['position'].split(':')[1]) - 1}"
    (kept,) = shared.client.get(RIDES, params={"after": position, "limit": 1}).json()["events"]
    assert kept["data"]["note"] == "an extra field is kept"
    assert (kept["id"], kept["key"]) == ("mixed5", "mixed")


def test_a_request_without_a_valid_event_is_422_and_its_events_wait_as_dead_letters(shared: Service) -> None:
    response = shared.client.post(RIDES, json=[ride(1, "bad", minutes="many")])
    assert (response.status_code, response.json()["accepted"]) == (422, 0)
    letters = shared.client.get("/v1/streams/rides/rejected", params={"limit": 1000}).json()["rejected"]
    (letter,) = [letter for letter in letters if "bad1" in json.dumps(letter)]
    retry = shared.client.post(f"/v1/streams/rides/rejected/{letter['id']}/retry")
    assert retry.status_code == 422
    assert shared.client.post("/v1/streams/rides/rejected/999999/retry").status_code == 404


def test_the_log_is_read_in_pages_without_gap_or_overlap(shared: Service) -> None:
    first = shared.post("clicks", [{"page": f"p{number}"} for number in range(25)])
    begin = f"0:{int(first['position'].split(':')[1]) - 25}"
    found: list[str] = []
    after = begin
    while len(found) < 25:
        answer = shared.client.get("/v1/streams/clicks/events", params={"after": after, "limit": 10}).json()
        assert len(answer["events"]) <= 10
        found += [event["data"]["page"] for event in answer["events"]]
        after = answer["next"]
    assert found == [f"p{number}" for number in range(25)]


def test_streams_tell_their_schema_and_count(shared: Service) -> None:
    before = {stream["stream"]: stream["events"] for stream in shared.client.get("/v1/streams").json()["streams"]}
    shared.post("clicks", [{"page": "counted"}] * 4)
    after = shared.client.get("/v1/streams/clicks").json()
    assert after["schema"]["properties"].keys() == {"page", "size"}
    assert after["events"] == before["clicks"] + 4


def test_a_locked_database_is_a_503_and_nothing_half_written(service: Service) -> None:
    service.start()
    with closing(sqlite3.connect(service.home / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        response = service.client.post(RIDES, json=[ride(1), ride(2)])
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        other.execute("ROLLBACK")
    assert service.events("rides") == []
    assert service.post("rides", [ride(1), ride(2)])["accepted"] == 2


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "says"),
    [
        ("/v1/streams/trams/events", b"{}", "application/json", 404, "clicks"),
        (RIDES, b"a,b", "text/csv", 415, "application/x-ndjson"),
        (RIDES, b'{"a": 1}\n{"a": \n{}', "application/x-ndjson", 422, "line 2"),
        (RIDES, b'{"a": ', "application/json", 422, ""),
        (RIDES, b"", "application/json", 422, "empty"),
        (RIDES, b" " * 100_001, "application/json", 413, "100000"),
        (RIDES, b"\xff\xfe", "application/json", 422, ""),
    ],
)
def test_a_request_that_cannot_be_read_is_a_problem_that_says_why(
    shared: Service, path: str, body: bytes, kind: str, status: int, says: str
) -> None:
    response = shared.client.post(path, content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert says in response.json()["detail"].replace(",", "")
