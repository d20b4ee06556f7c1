"""The way to PostgreSQL breaks just before COMMIT arrives, or just before its answer does, under a real service.

After each: what was acknowledged is there once, what was told as not written is not there, and `verify` agrees.
"""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.cut_connections import BreakingWay, When
from tests.databases import PostgresqlServer
from tests.service import Service

APPLICATION = Path(__file__).with_name("keyless_application.py")


@pytest.fixture
def way(postgresql: PostgresqlServer, postgresql_url: str) -> Iterator[BreakingWay]:
    way = BreakingWay(postgresql.socket, postgresql_url)
    yield way
    way.close()


@pytest.fixture
def service(way: BreakingWay, tmp_path: Path) -> Iterator[Service]:
    """A service whose database lies behind the way."""
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_DATABASE=way.url)
    service.start()
    yield service
    service.close()


def verified(service: Service) -> subprocess.CompletedProcess[str]:
    command = service.command("verify", str(service.application))
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, check=False)


def kinds(url: str) -> list[str]:
    """The decisions in the log."""
    database = Database(url)
    log = SqlLog(database)
    found = [record.data["kind"] for segment in log.read_system() for record in segment.records()]
    log.close()
    database.close()
    return found


def post(service: Service, stream: str, event: Any, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return service.client.post(f"/v1/streams/{stream}/events", json=event, headers=headers)


def test_whichever_side_of_a_commit_breaks_every_answer_is_true(way: BreakingWay, service: Service) -> None:
    sides: tuple[When, When] = ("before", "after")
    there: Counter[str] = Counter()
    for number, (side, stream, keyed) in enumerate(product(sides, ("visits", "orders"), (False, True))):
        name = f"n{number}-of-its-own"
        key = name if keyed else None
        way.break_at_commit(side, behind=f'"{name}"'.encode())
        first = post(service, stream, {"name": name}, key)
        assert way.broken.is_set()
        assert (first.status_code == 503) == (side == "before"), first.text
        if first.status_code == 503:
            assert "not known" not in first.text
            again = post(service, stream, {"name": name}, key)
            assert again.status_code == 201
        elif keyed or stream == "orders":  # a client that heard nothing sends it again
            again = post(service, stream, {"name": name}, key)
            assert again.json()["accepted"] == (1 if keyed else 0)
        there[name] += 1
    letter = b'{"name": 5, "is": "refused-only"}'
    for side in sides:
        way.break_at_commit(side, behind=b"refused-only")
        headers = {"content-type": "application/json", "Idempotency-Key": f"letters-{side}"}
        told = [
            service.client.post("/v1/streams/visits/events", content=letter, headers=headers).status_code
            for _ in range(2)
        ]
        assert told == ([503, 422] if side == "before" else [422, 422])
    (kept,) = service.client.get("/v1/streams/visits/rejected").json()["rejected"]
    assert kept["count"] == 2, "one for each key"
    found = Counter(event["data"]["name"] for stream in ("visits", "orders") for event in service.events(stream))
    assert found == there
    assert verified(service).returncode == 0


def test_where_nobody_can_be_asked_it_is_told_and_a_key_makes_sending_again_safe(
    way: BreakingWay, service: Service
) -> None:
    for side, name in (("before", "first"), ("after", "second")):
        assert side in ("before", "after")
        way.break_at_commit("after" if side == "after" else "before", for_good=True, behind=f'"{name}"'.encode())
        told = post(service, "visits", {"name": name}, name)
        assert (told.status_code, "not known" in told.text, "Idempotency-Key" in told.text) == (503, True, True)
        way.mend()
        answers: list[httpx.Response] = []
        while not answers or answers[-1].status_code == 503:  # connections of before break one by one
            answers.append(post(service, "visits", {"name": name}, name))
        assert (answers[-1].status_code, answers[-1].json()["accepted"]) == (201, 1)
        assert answers[-1].headers.get("idempotency-replayed") == ("true" if side == "after" else None)
    assert sorted(event["data"]["name"] for event in service.events("visits")) == ["first", "second"]


def test_a_service_killed_between_its_commit_and_its_answer_answers_the_same_request_again(
    way: BreakingWay, service: Service
) -> None:
    way.break_at_commit("hold", behind=b'"held"')
    broken: list[Exception] = []

    def ask() -> None:
        try:
            post(service, "visits", [{"name": "held"}, {"name": "held"}], "k")
        except httpx.HTTPError as error:
            broken.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert way.broken.wait(30)
    service.kill()
    asking.join(30)
    assert broken
    service.start()
    again = post(service, "visits", [{"name": "held"}, {"name": "held"}], "k")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == {"accepted": 2, "duplicates": 0, "rejected": [], "position": "0:2"}
    assert len(service.events("visits")) == 2


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_publication_is_in_the_log_or_its_run_failed_and_never_both(
    way: BreakingWay, service: Service, postgresql_url: str, side: When
) -> None:
    position = post(service, "visits", [{"name": "a"}] * 5, None).json()["position"]
    way.break_at_commit(side, behind=b'"batch_published"')
    code = service.batch().wait(120)
    assert way.broken.is_set()
    runs = service.client.get("/v1/batch/runs").json()["runs"]
    if side == "after":
        assert (code, [run["status"] for run in runs]) == (0, ["published"])
        assert kinds(postgresql_url) == ["batch_started", "batch_published"]
    else:
        assert (code, [run["status"] for run in runs]) == (1, ["failed"])
        assert kinds(postgresql_url) == ["batch_started", "batch_failed"]
        assert service.batch().wait(120) == 0
    assert [row["n"] for row in service.rows("names", position)] == [5]
    assert verified(service).returncode == 0


def test_a_rejected_event_is_retried_once(way: BreakingWay, service: Service) -> None:
    body = {"name": 7, "is": "mended-later"}
    assert post(service, "visits", body, None).status_code == 422
    service.stop()
    service.environment["KEYLESS_TAKES_NUMBERS"] = "1"
    service.start()
    (letter,) = service.client.get("/v1/streams/visits/rejected").json()["rejected"]
    path = f"/v1/streams/visits/rejected/{letter['id']}/retry"
    way.break_at_commit("before", behind=b"mended-later")
    assert service.client.post(path, headers={"Idempotency-Key": "k"}).status_code == 503
    way.break_at_commit("after", behind=b"mended-later")
    told = [service.client.post(path, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert way.broken.is_set()
    assert [answer.status_code for answer in told] == [200, 200]
    assert told[0].content == told[1].content
    assert len(service.events("visits")) == 1
    assert service.client.post(path).status_code == 409
