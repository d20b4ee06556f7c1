"""``/v1/batch/runs``: starting runs and watching them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.conftest import NOW, Home

RUNS = "/v1/batch/runs"


@pytest.mark.parametrize(
    ("path", "body", "full"),
    [
        (RUNS, b"", False),
        (RUNS, b"{}", False),
        (RUNS, b' {"full": true}\n', True),
        (f"{RUNS}?full=true", b"", True),
        (f"{RUNS}?full=true", b'{"full":false}', True),  # who asks for all gets all
    ],
)
def test_a_run_is_started_and_it_is_said_where_it_can_be_watched(
    home: Home, path: str, body: bytes, full: bool
) -> None:
    answer = home.client.post(path, content=body)
    assert (answer.status_code, answer.json()) == (202, {"run": "run-1", "location": f"{RUNS}/run-1"})
    assert answer.headers["location"] == f"{RUNS}/run-1"
    assert home.started_batches == [full]


def test_there_is_one_run_at_a_time_and_it_is_said_when_to_ask_again(home: Home) -> None:
    home.client.post(RUNS)
    answer = home.client.post(RUNS)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:anabranch:problem:batch-running")
    assert int(answer.headers["retry-after"]) > 0
    assert home.started_batches == [False]


@pytest.mark.parametrize("body", [b"[]", b'{"full":1}', b'{"full":null}', b'{"other":true}', b"{", b'"full"'])
def test_a_body_that_asks_for_something_else_starts_nothing(home: Home, body: bytes) -> None:
    answer = home.client.post(RUNS, content=body)
    assert answer.status_code == 422
    assert home.started_batches == []


def test_runs_are_listed_newest_first_and_each_can_be_watched(home: Home) -> None:
    runs = home.service.runs
    for name in ("a", "b", "c"):
        runs.start(name, full=name == "b", pid=1)
    running = runs.get("b")
    assert running is not None
    runs.finish(running, "failed", error="no disk")
    told: list[dict[str, Any]] = home.get(RUNS)["runs"]
    assert [run["run"] for run in told] == ["c", "b", "a"]
    assert [run["run"] for run in home.get(RUNS, limit=1)["runs"]] == ["c"]
    failed = home.get(f"{RUNS}/b")
    assert failed == told[1]
    assert (failed["status"], failed["error"], failed["full"], failed["seconds"]) == ("failed", "no disk", True, 0.0)
    assert home.get(f"{RUNS}/c")["finished"] is None
    assert told[0]["started"] == "2023-11-14T22:13:20Z"
    assert NOW == 1_700_000_000_000_000


def test_a_run_that_never_was_is_not_found(home: Home) -> None:
    assert home.get(f"{RUNS}/none", status=404)["name"] == "none"


def test_a_parameter_that_nobody_knows_is_named(home: Home) -> None:
    assert home.get(RUNS, status=422, limits=3)["parameter"] == "limits"
    assert home.client.post(f"{RUNS}?full=yes").json()["parameter"] == "full"
    assert home.started_batches == []
