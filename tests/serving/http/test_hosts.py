"""The names that are one's own, in whatever way a header spells them."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

from serving.http.hosts import OwnNames, ServedNames


@pytest.mark.parametrize("port", ["", ":", ":1", ":65535"])
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "[::1]", "[0:0::1]"]
)
def test_loopback_is_always_ones_own(host: str, port: str) -> None:
    assert ServedNames([]).include(f"{host}{port}".encode())


@given(st.binary(max_size=60))
def test_no_header_breaks_the_check(host: bytes) -> None:
    ServedNames(["a.example", "*.b.example"]).include(host)


@given(st.ip_addresses())
def test_an_address_is_ones_own_where_all_are_or_it_is_named(address: object) -> None:
    host = f"[{address}]".encode() if ":" in str(address) else str(address).encode()
    assert ServedNames([], any_address=True).include(host)
    assert ServedNames([str(address)]).include(host)
    assert ServedNames(["*"]).include(host)


def test_an_address_is_the_same_however_it_is_spelt() -> None:
    assert ServedNames(["2001:DB8:0::1"]).include(b"[2001:db8::0:1]:80")
    assert not ServedNames(["127.0.0.1"], any_address=True).include(b"2130706433")


def test_names_below_a_domain_are_served_and_the_domain_itself_is_not() -> None:
    served = ServedNames(["*.example.com"])
    assert [served.include(host) for host in (b"a.example.com", b"a.b.example.com.")] == [True, True]
    assert [served.include(host) for host in (b"example.com", b"aexample.com", b"a.example.com.evil")] == [False] * 3


def test_what_was_asked_before_is_answered_alike() -> None:
    served = ServedNames(["a.example"])
    assert [served.include(host) for host in [b"a.example", b"b.example"] * 3] == [True, False] * 3


def test_the_problem_tells_the_name_and_what_to_do() -> None:
    async def asked() -> httpx.Response:
        app = OwnNames(PlainTextResponse("passed"), ServedNames([]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://b.example") as client:
            return await client.get("/")

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()["host"]) == (421, "b.example")
    assert "ANABRANCH_ALLOWED_HOSTS" in answer.json()["detail"]
