"""From a body to an answer: what a client is told of its events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.requests import Request

from anabranch import Cut
from eventlog.intake.door import BodyLimits, admit
from eventlog.log import Appended
from serving.http.posting import answer_to_post, headers_of
from tests.serving.conftest import NOW, app, rental

STREAM = app.streams["rentals"]


def answered(bodies: list[Any], accepted: int, duplicates: int = 0) -> tuple[int, dict[str, Any]]:
    limits = BodyLimits(max_events=1_000, max_body_bytes=100_000)
    admission = admit("application/json", orjson.dumps(bodies), STREAM, limits=limits, now=NOW, headers={})
    answer = answer_to_post(admission)(Appended(Cut((9,)), accepted, duplicates))
    return answer.status_code, orjson.loads(bytes(answer.body))


GOOD, BAD = rental(1), rental(2, minutes=-1)


@pytest.mark.parametrize(
    ("bodies", "accepted", "duplicates", "status"),
    [
        ([GOOD], 1, 0, 201),
        ([GOOD, GOOD], 1, 1, 201),
        ([GOOD], 0, 1, 201),  # all of it was there before: a retry succeeds
        ([GOOD, BAD], 1, 0, 207),
        ([BAD, GOOD], 0, 1, 207),
        ([BAD], 0, 0, 422),
    ],
)
def test_the_status_says_whether_all_some_or_none_are_in_the_log(
    bodies: list[Any], accepted: int, duplicates: int, status: int
) -> None:
    found, content = answered(bodies, accepted, duplicates)
    assert found == status
    assert (content["accepted"], content["duplicates"]) == (accepted, duplicates)
    assert [event["index"] for event in content["rejected"]] == [at for at, body in enumerate(bodies) if body is BAD]
    assert content["position"] == "0:9"


def test_where_none_is_accepted_the_first_reason_is_told_to_a_person() -> None:
    _, content = answered([BAD, BAD], 0)
    assert content["type"] == "urn:anabranch:problem:none-accepted"
    assert "All 2 were rejected; event 0, minutes:" in content["detail"]
    whole = answered(["no object"], 0)[1]
    assert "the event as a whole" in whole["detail"]


def test_of_a_header_that_is_given_twice_the_first_counts_and_names_are_as_asgi_has_them() -> None:
    raw = [(b"content-type", b"a"), (b"x-umlaut", "ü".encode("latin-1")), (b"content-type", b"b")]
    assert headers_of(Request({"type": "http", "headers": raw})) == {"content-type": "a", "x-umlaut": "ü"}
