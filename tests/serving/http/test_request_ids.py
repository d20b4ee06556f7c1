"""Every answer names its request, and so do the lines of the log that it leads to."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from eventlog.errors import LogUnavailableError
from serving.http.log_lines import ACCESS, JsonLines
from tests.serving.conftest import Home, rental

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Lines(logging.Handler):
    """Keeps what is logged, as the objects that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines({}))
        self.told: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(orjson.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged of requests."""
    kept, level = Lines(), ACCESS.level
    ACCESS.addHandler(kept)
    ACCESS.setLevel(logging.INFO)
    yield kept
    ACCESS.setLevel(level)
    ACCESS.removeHandler(kept)


@pytest.mark.parametrize("sent", ["a", "hello.1_2-3", "x" * 128])
def test_the_name_that_a_client_gave_is_kept(home: Home, sent: str) -> None:
    response = home.client.get("/healthz", headers={"X-Request-ID": sent})
    assert response.headers.get_list("x-request-id") == [sent]


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "two words", 'quote"', "é", "line\tbreak"])
def test_where_none_is_given_or_it_is_not_sane_a_new_one_is_made(home: Home, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-ID": sent.encode()}
    names = [home.client.request("GET", "/healthz", headers=headers).headers["x-request-id"] for _ in range(2)]
    assert all(UUID7.fullmatch(name) for name in names)
    assert names[0] != names[1]


def test_requests_that_are_answered_at_once_keep_their_names(home: Home, lines: Lines) -> None:
    asked = [("GET", "/v1/streams", {"headers": {"X-Request-ID": f"n{number}"}}) for number in range(20)]
    answers = home.client.all(*asked)
    assert [answer.headers["x-request-id"] for answer in answers] == [f"n{number}" for number in range(20)]
    assert {line["request_id"] for line in lines.told} == {f"n{number}" for number in range(20)}


def test_problems_on_our_side_tell_it_in_their_body_too(make_home: Callable[..., Home]) -> None:
    def counts() -> dict[str, int]:
        raise LogUnavailableError("the database is away")

    home = make_home(counts=counts)
    away = home.client.get("/v1/streams", headers={"X-Request-ID": "mine"})
    assert (away.status_code, away.json()["request_id"]) == (503, "mine")
    missing = home.client.get("/v1/views/nothing", headers={"X-Request-ID": "mine"})
    assert (missing.status_code, "request_id" in missing.json()) == (404, False)


def test_an_unexpected_error_names_the_request_once_in_header_body_and_log(
    make_home: Callable[..., Home], lines: Lines
) -> None:
    def counts() -> dict[str, int]:
        raise RuntimeError("internal")

    response = make_home(counts=counts).client.get("/v1/streams", headers={"X-Request-ID": "mine"})
    assert response.status_code == 500
    assert response.headers.get_list("x-request-id") == ["mine"]
    assert response.json()["request_id"] == "mine"
    assert [(line["status"], line["request_id"]) for line in lines.told] == [(500, "mine")]


def test_threads_that_answer_know_the_request(make_home: Callable[..., Home], lines: Lines) -> None:
    def counts() -> dict[str, int]:
        ACCESS.warning("counting", extra={"view": "usage"})
        return {}

    make_home(counts=counts).client.get("/v1/streams", headers={"X-Request-ID": "mine"})
    told = lines.told[0]
    assert (told["message"], told["level"], told["view"], told["request_id"]) == (
        "counting",
        "WARNING",
        "usage",
        "mine",
    )


def test_a_request_is_one_line_without_its_query(home: Home, lines: Lines) -> None:
    home.post(rental(1))
    home.client.get("/v1/views/a%0Ab", params={"secret": "1"})
    posted, strange = lines.told
    assert (posted["method"], posted["path"], posted["status"]) == ("POST", "/v1/streams/rentals/events", 201)
    assert posted["duration_ms"] > 0
    assert posted["client"].startswith("127.0.0.1:")
    assert (strange["path"], strange["status"]) == ("/v1/views/a%0Ab", 404)
    assert "secret" not in str(strange)


def test_requests_are_not_logged_unless_somebody_wants_it(home: Home, lines: Lines) -> None:
    ACCESS.setLevel(logging.WARNING)
    home.client.get("/healthz")
    assert lines.told == []
