"""``Idempotency-Key``: a request that is sent again is carried out once, and answered as it was."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from anabranch import SYSTEM
from eventlog.errors import LogUnavailableError
from eventlog.log import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.serving import trained
from tests.serving.conftest import NOW, Home, rental
from tests.serving.trained import Constant, publish_versions

PINGS, RENTALS = "/v1/streams/pings/events", "/v1/streams/rentals/events"
PING = {"host": "h", "number": 1}


def post(home: Home, body: Any, key: str | None = "k", path: str = PINGS, **headers: str) -> httpx.Response:
    named = {"content-type": "application/json", **headers, **({} if key is None else {"Idempotency-Key": key})}
    return home.client.post(path, content=body if isinstance(body, bytes) else orjson.dumps(body), headers=named)


def assert_replayed(again: httpx.Response, first: httpx.Response) -> None:
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]


def logged(home: Home, stream: str = "pings") -> int:
    return len(home.get(f"/v1/streams/{stream}/events")["events"])


def test_events_without_ids_that_are_sent_again_with_their_key_are_there_once(home: Home) -> None:
    first = post(home, [PING, PING])
    post(home, PING, None)
    assert_replayed(post(home, [PING, PING]), first)
    assert (first.status_code, first.json()["accepted"], logged(home)) == (201, 2, 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [([PING, {"host": 1}], 207), ([{"host": 1}], 422)],
)
def test_whatever_the_first_was_told_the_second_is_told(home: Home, body: Any, status: int) -> None:
    first = post(home, body)
    post(home, PING, None)
    assert first.status_code == status
    assert_replayed(post(home, body), first)
    letters = home.get("/v1/streams/pings/rejected")["rejected"]
    assert [letter["count"] for letter in letters] == [1]


def test_the_key_works_with_every_kind_of_body(home: Home) -> None:
    line = orjson.dumps(PING)
    cloud = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": PING}
    binary = {f"ce-{name}": "1.0" if name == "specversion" else "x" for name in ("specversion", "id", "source", "type")}
    kinds: list[tuple[bytes, dict[str, str]]] = [
        (line + b"\n" + line, {"content-type": "application/x-ndjson"}),
        (orjson.dumps(cloud), {"content-type": "application/cloudevents+json"}),
        (orjson.dumps([cloud, cloud]), {"content-type": "application/cloudevents-batch+json"}),
        (line, binary),
    ]
    for number, (body, headers) in enumerate(kinds):
        first = post(home, body, f"k{number}", **headers)
        assert first.status_code == 201, first.text
        assert_replayed(post(home, body, f"k{number}", **headers), first)
    assert logged(home) == 6


def test_how_a_body_was_packed_for_the_way_does_not_matter(home: Home) -> None:
    first = post(home, PING)
    packed = gzip.compress(orjson.dumps(PING))
    assert_replayed(post(home, packed, **{"content-encoding": "gzip"}), first)


@pytest.mark.parametrize(
    "other",
    [
        {"body": [PING]},
        {"path": RENTALS},
        {"content-type": "application/x-ndjson"},
        {"ce-id": "5"},
    ],
)
def test_another_request_with_the_key_is_refused_and_changes_nothing(home: Home, other: dict[str, Any]) -> None:
    post(home, PING)
    refused = post(home, other.pop("body", PING), **other)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:anabranch:problem:idempotency-key-reused")
    assert (logged(home), logged(home, "rentals")) == (1, 0)


def test_what_was_refused_without_an_effect_may_come_again_mended(home: Home) -> None:
    assert post(home, b"[{").status_code == 422
    assert post(home, PING, **{"content-type": "text/plain"}).status_code == 415
    first = post(home, PING)
    assert first.status_code == 201
    assert_replayed(post(home, PING), first)


@pytest.mark.parametrize("key", ["", " ", "a b", "\u00e9".encode().decode("latin-1"), "k" * 256])
def test_what_is_no_key_is_refused(home: Home, key: str) -> None:
    refused = home.client.post(PINGS, json=PING, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:anabranch:problem:wrong-idempotency-key")
    assert logged(home) == 0


def test_two_keys_in_one_request_are_none(home: Home) -> None:
    refused = home.client.post(PINGS, json=PING, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "a")])
    assert refused.status_code == 400


def test_a_key_in_quotes_is_what_they_quote(home: Home) -> None:
    first = post(home, PING, '"k"')
    assert_replayed(post(home, PING, "k"), first)
    assert post(home, PING, '"').status_code == 201
    assert post(home, PING, "~" * 255).status_code == 201


def test_of_many_at_once_one_is_carried_out_and_all_get_its_answer(home: Home) -> None:
    request = ("POST", PINGS, {"json": [PING], "headers": {"Idempotency-Key": "k"}})
    other = ("POST", PINGS, {"json": [PING, PING]})
    answers = home.client.all(request, other, request, request, request)
    same = [answers[place] for place in (0, 2, 3, 4)]
    assert len({answer.content for answer in same}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "no") for answer in same) == ["no", "true", "true", "true"]
    assert answers[1].json()["accepted"] == 2
    assert logged(home) == 3


class Interrupted(SqlLog):
    """Another process carries the request out after this one has looked for it."""

    def answered(self, key: str) -> None:
        return None


def test_a_process_that_comes_between_is_found_by_the_log_itself(make_home: Callable[..., Home], home: Home) -> None:
    first = post(home, PING)
    log = Interrupted(Database(home.service.log.database.engine.url.render_as_string()), clock=lambda: NOW)  # type: ignore[attr-defined]
    other = make_home(log=log)
    assert_replayed(post(other, PING), first)
    assert post(other, [PING]).json()["type"].endswith("idempotency-key-reused")
    assert logged(home) == 1
    log.close()
    log.database.close()


# other writes


@pytest.fixture
def models(make_home: Callable[..., Home]) -> Home:
    return make_home(app=trained.app)


def decisions(home: Home, kind: str) -> int:
    found = [record for segment in home.service.log.read_system() for record in segment.records()]
    return sum(record.data["kind"] == kind for record in found if record.stream == SYSTEM)


def test_a_version_is_promoted_once_and_a_rollback_goes_back_one(models: Home) -> None:
    publish_versions(models, (4, Constant(4.0), True), (3, Constant(3.0), False), (2, Constant(2.0), True))
    models.get("/v1/models/duration", after=str(models.service.log.end()))
    promote: dict[str, Any] = {"path": "/v1/models/duration/promote", "body": {"version": 3}}
    first = post(models, **promote)
    assert first.status_code == 200, first.text
    assert_replayed(post(models, **promote), first)
    back = post(models, b"", "back", "/v1/models/duration/rollback")
    assert back.json()["champion"] == 4, back.text
    assert_replayed(post(models, b"", "back", "/v1/models/duration/rollback"), back)
    assert (decisions(models, "model_promoted"), decisions(models, "model_rolled_back")) == (1, 1)
    assert post(models, key="other", **promote | {"body": {"version": 4}}).status_code == 409


def test_a_rejected_event_is_retried_once(home: Home) -> None:
    post(home, {"host": 1, "number": 1}, None)
    (letter,) = home.get("/v1/streams/pings/rejected")["rejected"]
    path = f"/v1/streams/pings/rejected/{letter['id']}/retry"
    first = post(home, b"", path=path)
    assert first.status_code == 422, "it is still wrong"
    assert_replayed(post(home, b"", path=path), first)


def test_an_example_is_predicted_and_recorded_once(models: Home) -> None:
    path = "/v1/models/duration/predict?record=true"
    first = post(models, rental(1), path=path)
    assert first.status_code == 200, first.text
    assert_replayed(post(models, rental(1), path=path), first)
    assert first.json()["position"] == "0:1"
    array = post(models, [rental(2), rental(3)], "array", path)
    assert_replayed(post(models, [rental(2), rental(3)], "array", path), array)
    assert logged(models, "rentals") == 3
    assert len({p["prediction_id"] for p in array.json()["predictions"]}) == 2


def test_a_prediction_that_writes_nothing_needs_no_key(models: Home) -> None:
    for _ in range(2):
        answer = post(models, {"station": "a", "started": "2023-11-01T12:00:00Z"}, path="/v1/models/duration/predict")
        assert "idempotency-replayed" not in answer.headers


def test_one_batch_run_is_started(home: Home) -> None:
    first = post(home, b"", path="/v1/batch/runs")
    assert first.status_code == 202, first.text
    again = post(home, b"", path="/v1/batch/runs")
    assert_replayed(again, first)
    assert again.headers["location"] == first.headers["location"]
    assert home.started_batches == [False]
    assert post(home, b"", "another", "/v1/batch/runs").status_code == 409


def test_a_run_that_is_at_work_is_told_though_its_key_cannot_be_remembered(
    make_home: Callable[..., Home], tmp_path: Path
) -> None:
    class Away(SqlLog):
        def submit(self, append: Append) -> Any:
            raise LogUnavailableError("away")

    away = Away(Database(f"sqlite:///{tmp_path}/away.db"))
    home = make_home(log=away)
    assert post(home, b"", path="/v1/batch/runs").status_code == 202
    away.close()
    away.database.close()


def test_the_description_names_the_header_on_every_write_and_nowhere_else(models: Home) -> None:
    paths = models.get("/openapi.json")["paths"]
    named = {
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    }
    writes = {("post", path) for path, found in paths.items() if "post" in found} - {("post", "/v1/sql")}
    assert named == writes
    assert len(named) == 6
