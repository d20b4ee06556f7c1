"""Bodies that were packed for the way."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.intake.door import BodyLimits
from serving.errors import BodyTooLargeError
from serving.http.content_coding import unpacked
from tests.serving.conftest import Home, rental
from tests.serving.routes.test_events import EVENTS, NDJSON, lines


@given(st.lists(st.binary(max_size=2_000), min_size=1, max_size=4), st.integers(-1, 3))
def test_what_was_packed_comes_back_if_it_is_small_enough(parts: list[bytes], room: int) -> None:
    body = b"".join(parts)
    packed = b"".join(map(gzip.compress, parts))
    if room < 0 and body:
        with pytest.raises(BodyTooLargeError):
            unpacked(packed, "gzip", len(body) + room)
    else:
        assert unpacked(packed, "GZIP ", len(body) + max(room, 0)) == body


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "identity"])
def test_events_may_come_packed(home: Home, coding: str) -> None:
    body = lines(*(rental(n) for n in range(500)))
    packed = body if coding == "identity" else gzip.compress(body)

    response = home.client.post(EVENTS, content=packed, headers={**NDJSON, "content-encoding": coding})

    assert (response.status_code, response.json()["accepted"]) == (201, 500)


def test_another_coding_is_refused_with_the_one_that_is_taken(home: Home) -> None:
    response = home.client.post(EVENTS, content=b"x", headers={**NDJSON, "content-encoding": "br"})

    assert (response.status_code, response.headers["accept-encoding"]) == (415, "gzip")
    assert (response.json()["type"], response.json()["coding"]) == ("urn:anabranch:problem:unsupported-coding", "br")


@pytest.mark.parametrize(
    "body",
    [
        lines(rental(1)),
        gzip.compress(lines(rental(1)))[:-1],
        gzip.compress(lines(rental(1))) + b"x",
        gzip.compress(lines(rental(1)))[:-8] + bytes(8),
    ],
    ids=["not packed", "broken off", "more behind it", "a wrong checksum"],
)
def test_what_cannot_be_unpacked_is_told_and_nothing_is_stored(home: Home, body: bytes) -> None:
    response = home.client.post(EVENTS, content=body, headers={**NDJSON, "content-encoding": "gzip"})

    assert response.status_code == 422
    assert "gzip" in response.json()["detail"]
    assert home.get(EVENTS)["events"] == []


def test_a_small_body_that_would_become_large_is_refused(make_home: Callable[..., Home]) -> None:
    home = make_home(limits=BodyLimits(max_body_bytes=100_000))
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000

    response = home.client.post(EVENTS, content=bomb, headers={**NDJSON, "content-encoding": "gzip"})

    assert (response.status_code, response.json()["limit"]) == (413, 100_000)
