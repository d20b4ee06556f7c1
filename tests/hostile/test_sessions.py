"""A cookie that was copied, and keys that are guessed."""

from __future__ import annotations

import httpx
import pytest

from serving.http.session import COOKIE
from serving.http.wrong_keys import BURST
from tests.hostile.conftest import Start
from tests.service import Service

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def stranger(service: Service, address: str = "127.0.0.1") -> httpx.Client:
    """A client that knows nothing, at one of loopback's addresses."""
    return httpx.Client(base_url=service.client.base_url, transport=httpx.HTTPTransport(local_address=address))


def log_in(service: Service, key: str = "river", address: str = "127.0.0.1") -> httpx.Response:
    with stranger(service, address) as browser:
        return browser.post("/login", content=f"key={key}", headers=FORM)


def log_out(service: Service, cookie: str) -> None:
    with stranger(service) as browser:
        browser.post("/logout", headers={"Cookie": cookie})


def status_with(service: Service, address: str = "127.0.0.1", **headers: str) -> int:
    """The status of a read, of a client that has nothing but these headers."""
    with stranger(service, address) as client:
        return client.get("/v1/views", headers=headers).status_code


def test_a_session_ends_at_its_logout_whoever_copied_the_cookie(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")
    mine, other = (log_in(service).headers["set-cookie"].partition(";")[0] for _ in range(2))
    assert mine != other
    assert status_with(service, Cookie=mine) == 200

    log_out(service, f"a=b; {mine}")

    assert status_with(service, Cookie=mine) == 401
    assert status_with(service, Cookie=other) == 200


def test_sessions_outlive_a_restart_and_one_that_has_ended_does_not_come_back(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")
    ended, kept = (log_in(service).headers["set-cookie"].partition(";")[0] for _ in range(2))
    log_out(service, ended)
    service.kill()

    service.start()
    assert status_with(service, Cookie=kept) == 200
    assert status_with(service, Cookie=ended) == 401
    assert kept.partition("=")[2].encode() not in (service.home / "sessions.json").read_bytes()

    (service.home / "sessions.json").write_bytes(b'{"\xff')
    service.stop()
    service.start()
    assert status_with(service, Cookie=kept) == 401
    assert log_in(service).status_code == 303


def test_another_key_ends_all_sessions(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")
    cookie = log_in(service).headers["set-cookie"].partition(";")[0]
    service.stop()
    service.environment["ANABRANCH_API_KEY"] = "lake"
    service.client.headers["Authorization"] = "Bearer lake"
    service.start()
    assert status_with(service, Cookie=cookie) == 401


def test_who_guesses_keys_is_not_told_any_more_whether_one_is_right(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")
    elsewhere = "127.0.0.2"
    assert [log_in(service, f"guess{n}", elsewhere).status_code for n in range(BURST)] == [401] * BURST

    braked = log_in(service, "river", elsewhere)
    assert (braked.status_code, "set-cookie" in braked.headers) == (429, False)
    assert 1 <= int(braked.headers["retry-after"]) <= 10
    assert status_with(service, elsewhere, Authorization="Bearer river") == 429
    assert status_with(service, elsewhere, Authorization="Bearer lake") == 429
    assert status_with(service, elsewhere) == 401  # who gives no key guesses none
    assert status_with(service, elsewhere, Cookie=f"{COOKIE}=old") == 401
    assert log_in(service).status_code == 303  # from where nobody guessed


def test_who_guesses_keys_locks_out_nobody_who_is_known(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")  # it was asked with the right key until it was ready
    cookie = log_in(service).headers["set-cookie"].partition(";")[0]
    for number in range(3 * BURST):
        status_with(service, Authorization=f"Bearer guess{number}")

    assert status_with(service, Authorization="Bearer lake") == 429
    assert status_with(service, Authorization="Bearer river") == 200
    assert status_with(service, Cookie=cookie) == 200


@pytest.mark.parametrize("forwarded", [None, "https"])
def test_the_cookie_is_for_tls_alone_where_a_proxy_says_that_it_came_so(start: Start, forwarded: str | None) -> None:
    service = start(ANABRANCH_API_KEY="river")
    headers = FORM if forwarded is None else {**FORM, "X-Forwarded-Proto": forwarded}
    with stranger(service) as browser:
        cookie = browser.post("/login", content="key=river", headers=headers).headers["set-cookie"]
    assert ("Secure" in cookie.split("; ")) == (forwarded is not None)
