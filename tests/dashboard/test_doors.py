"""Who gets in, asked without a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serving.http.session import COOKIE, token_in
from tests.serving.conftest import Home, home, make_home

__all__ = ["home", "make_home"]
KEY = "river"


@pytest.fixture
def locked(make_home: Callable[..., Home]) -> Home:
    return make_home(api_key=KEY)


def test_pages_send_a_browser_to_the_login_and_programs_get_a_problem(locked: Home) -> None:
    for path in ("/", "/docs"):
        page = locked.client.get(path, headers={"Accept": "text/html,*/*"})
        assert (page.status_code, page.headers["location"]) == (303, "login")
        assert locked.client.get(path).status_code == 401
    assert locked.client.get("/v1/views", headers={"Accept": "text/html"}).status_code == 401
    assert locked.client.get("/dashboard/snapshot").status_code == 401


def test_the_login_page_has_its_files_without_a_key(locked: Home) -> None:
    for path in ("/login", "/dashboard/base.css", "/dashboard/theme.js", "/dashboard/river.svg", "/healthz"):
        assert locked.client.get(path).status_code == 200


def test_only_the_key_gives_the_cookie_and_the_cookie_opens_everything(locked: Home) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = locked.client.post("/login", content="key=lake", headers=form)
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    assert "not the key" in wrong.text
    right = locked.client.post("/login", content=f"key={KEY}", headers=form)
    assert (right.status_code, right.headers["location"]) == (303, "./")
    assert {"HttpOnly", "SameSite=strict"} <= set(right.headers["set-cookie"].split("; "))
    cookie = right.headers["set-cookie"].partition(";")[0]
    assert locked.client.get("/v1/views", headers={"Cookie": cookie}).status_code == 200
    assert locked.client.get("/dashboard/snapshot", headers={"Cookie": cookie}).status_code == 200


@pytest.mark.parametrize("cookie", ["", COOKIE, f"{COOKIE}=", f"{COOKIE}=river", f"{COOKIE}={'a' * 43}", "\xff=\x01;"])
def test_another_cookie_opens_nothing(locked: Home, cookie: str) -> None:
    locked.client._client.cookies.clear()
    assert locked.client.get("/v1/views", headers={"Cookie": cookie.encode("latin-1")}).status_code == 401


def test_a_wrong_key_is_refused_even_with_the_cookie(locked: Home) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    cookie = locked.client.post("/login", content=f"key={KEY}", headers=form).headers["set-cookie"].partition(";")[0]
    headers = {"Cookie": cookie, "Authorization": "Bearer lake"}
    assert locked.client.get("/v1/views", headers=headers).status_code == 401


def test_without_a_key_there_is_no_login(home: Home) -> None:
    assert home.client.get("/login").status_code == 404
    assert home.client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 201), (None, 201)]
)
def test_a_page_of_another_site_changes_nothing(home: Home, site: str | None, status: int) -> None:
    headers: Any = {} if site is None else {"Sec-Fetch-Site": site}
    response = home.client.post("/v1/streams/pings/events", json={"host": "a", "number": 1}, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["type"] == "urn:anabranch:problem:cross-site"


def test_nothing_from_elsewhere_is_loaded(home: Home) -> None:
    page = home.client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "//" not in page.text.replace("<!doctype", "")


def test_files_are_asked_for_again_and_sent_only_if_they_changed(home: Home) -> None:
    first = home.client.get("/dashboard/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = home.client.get("/dashboard/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert home.get("/dashboard/nothing.js", 404)["name"] == "nothing.js"
    assert home.client.get("/dashboard/../pages.py").status_code == 404


def test_the_token_is_found_among_other_cookies() -> None:
    assert token_in(f"theme=dark; {COOKIE}=abc".encode()) == "abc"
    assert token_in(b"theme=dark") is None
