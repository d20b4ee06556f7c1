"""The memory that requests take together."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.intake.door import BodyLimits
from serving.errors import MemoryTakenError, TakesTooMuchError
from serving.http.request_memory import RequestMemory, Share
from tests.serving.conftest import Home, rental
from tests.serving.routes.test_events import EVENTS, NDJSON, lines


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60))))
def test_shares_never_exceed_the_limit_and_all_comes_back(takes: list[tuple[int, int]]) -> None:
    memory = RequestMemory(100)
    shares = [Share(memory) for _ in range(4)]
    for number, count in takes:
        before = memory.taken
        try:
            shares[number].take(count)
        except MemoryTakenError:
            assert before + count > 100
            assert memory.taken == before
        except TakesTooMuchError:
            assert shares[number].taken + count > 100
    assert memory.taken == sum(share.taken for share in shares) <= 100
    for share in shares:
        with share:
            pass
    assert memory.taken == 0


@pytest.mark.parametrize("packed", [False, True])
def test_a_request_that_needs_more_than_is_free_is_told_to_come_again_and_stores_nothing(
    make_home: Callable[..., Home], packed: bool
) -> None:
    memory = RequestMemory(10_000_000)
    home = make_home(memory=memory, limits=BodyLimits())
    body = lines(*(rental(n) for n in range(1_000)))
    headers = {**NDJSON, "content-encoding": "gzip"} if packed else NDJSON
    memory.take(9_900_000)  # another request

    response = home.client.post(EVENTS, content=gzip.compress(body) if packed else body, headers=headers)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["type"] == "urn:anabranch:problem:memory-taken"
    assert home.get(EVENTS)["events"] == []
    assert memory.taken == 9_900_000
    memory.give_back(9_900_000)
    assert home.client.post(EVENTS, content=body, headers=NDJSON).status_code == 201


def test_a_request_that_alone_needs_more_than_there_is_is_too_large(make_home: Callable[..., Home]) -> None:
    home = make_home(memory=RequestMemory(100_000), limits=BodyLimits())
    response = home.client.post(EVENTS, content=lines(*(rental(n) for n in range(200))), headers=NDJSON)
    assert (response.status_code, response.json()["limit"]) == (413, 100_000)
    assert home.client.post(EVENTS, json=rental(1)).status_code == 201
    assert home.service.memory.taken == 0


def test_a_body_that_never_ends_holds_what_came_of_it_and_no_more(make_home: Callable[..., Home]) -> None:
    home = make_home(memory=RequestMemory(100_000), limits=BodyLimits())
    held: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            held.append(home.service.memory.taken)
            yield b" " * 1_000

    response = home.client.post(EVENTS, content=endless(), headers=NDJSON)

    assert response.status_code == 413
    assert held == [1_000 * number for number in range(len(held))]
    assert max(held) == 100_000
    assert home.service.memory.taken == 0


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", orjson.dumps([rental(1), {}]), b'[{"rental_id": 1}]', b"[" + b"1," * 2_000 + b"1]"]
)
def test_what_a_request_took_comes_back_whatever_its_answer_is(home: Home, body: bytes) -> None:
    assert home.client.post(EVENTS, content=body, headers={"content-type": "application/json"}).status_code < 500
    assert home.service.memory.taken == 0
