"""Who is let pass: keys however they are written, cookies, paths that are open, and pages of other sites."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from serving.http.auth import ApiKey, Entrance, SameSite
from serving.http.session import COOKIE, Sessions
from serving.http.wrong_keys import BURST, SECONDS, WrongKeys

KEY = "a key: with spaces"
PASSED = PlainTextResponse("passed")
SESSIONS = Sessions(KEY, None, lambda: 0)
TOKEN = SESSIONS.begin()
OTHERS = Sessions("another", None, lambda: 0).begin()


def ask(app: ASGIApp, method: str, path: str, headers: Any = None) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer   {KEY} "},
        {"Cookie": f"{COOKIE}={TOKEN}"},
        [("Cookie", "a=b"), ("Cookie", f"{COOKIE}={TOKEN}")],
    ],
)
def test_who_knows_the_key_passes(headers: Any) -> None:
    assert ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", "/v1/views", headers).text == "passed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}!"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")],
        {"Authorization": "Bearer wrong", "Cookie": f"{COOKIE}={TOKEN}"},
        {"Cookie": f"{COOKIE}={KEY}"},
        {"Cookie": f"{COOKIE}={OTHERS}"},
        {"Cookie": b"%s=\xff\xfe" % COOKIE.encode()},
    ],
)
@pytest.mark.parametrize("path", ["/v1/views", "/dashboard/snapshot", "/healthz/", "/metrics", "/dashboard"])
def test_who_does_not_know_it_learns_how_to_tell_it(path: str, headers: Any) -> None:
    answer = ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", path, headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "urn:anabranch:problem:unauthorized"


@pytest.mark.parametrize("path", ["/healthz", "/login", "/logout", "/dashboard/app.js"])
def test_what_holds_no_data_is_open(path: str) -> None:
    assert ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", path).text == "passed"


def test_a_browser_that_opens_a_page_is_sent_to_the_login_and_a_program_is_not() -> None:
    page = {"Accept": "text/html,*/*;q=0.8"}
    answer = ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", "/docs", page)
    assert (answer.status_code, answer.headers["location"]) == (303, "login")
    assert ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", "/docs", {"Accept": "*/*"}).status_code == 401
    assert ask(ApiKey(PASSED, Entrance(KEY, SESSIONS)), "GET", "/v1/views", page).status_code == 401


@pytest.mark.parametrize(
    ("method", "site", "status"),
    [
        ("POST", None, 200),
        ("POST", "same-origin", 200),
        ("POST", "none", 200),
        ("POST", "same-site", 403),
        ("POST", "cross-site", 403),
        ("GET", "cross-site", 200),
    ],
)
def test_pages_of_other_sites_may_change_nothing(method: str, site: str | None, status: int) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    assert ask(SameSite(PASSED), method, "/v1/batch/runs", headers).status_code == status


def test_many_wrong_keys_brake_an_address_until_its_time_has_come() -> None:
    now = [0.0]
    locked = ApiKey(PASSED, Entrance(KEY, SESSIONS, WrongKeys(lambda: now[0])))
    right = {"Authorization": f"Bearer {KEY}"}

    def status(headers: Any) -> int:
        return ask(locked, "GET", "/v1/views", headers).status_code

    assert [status({"Authorization": f"Bearer {n}"}) for n in range(BURST)] == [401] * BURST
    answer = ask(locked, "GET", "/v1/views", right)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert answer.json()["type"] == "urn:anabranch:problem:too-many-wrong-keys"
    assert status({"Cookie": f"{COOKIE}={TOKEN}"}) == 200
    now[0] = SECONDS
    assert status(right) == 200
    assert [status({"Authorization": "Bearer 0"}) for _ in range(3)] == [401, 429, 429]
    assert status(right) == 200, "the address has sent the right one before"
