"""A service that has seen nothing yet, and one that wants a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser.conftest import APPLICATION, Open
from tests.service import Service


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Service]:
    service = Service(APPLICATION, tmp_path / "home")
    service.start()
    yield service
    service.close()


def test_without_a_generation_every_page_says_what_to_do(fresh: Service, visit: Open) -> None:
    page = visit(of=fresh)
    expect(page.locator(".cut")).to_contain_text("no generation yet")
    expect(page.get_by_text("No batch run yet")).to_be_visible()
    for place, hint in {
        "models": "No generation yet: start a batch run",
        "views": "Nothing here yet",
        "batch": "No generation yet: start a batch run",
        "log": "No event yet: post one to this stream",
    }.items():
        page.goto(f"{page.url.split('#')[0]}#/{place}")
        expect(page.get_by_text(hint).first).to_be_visible()


def test_a_model_that_has_learnt_nothing_answers_all_the_same(fresh: Service, visit: Open) -> None:
    page = visit("#/models/rider", of=fresh)
    page.get_by_label("station", exact=True).fill("Market at 4th")
    page.get_by_label("started", exact=True).fill("2014-05-01T08:00:00Z")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#prediction")).to_be_visible()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Service]:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_API_KEY="river & sea")
    service.client.headers["Authorization"] = "Bearer river & sea"
    service.start()
    yield service
    service.close()


def test_with_a_key_one_logs_in_first(locked: Service, visit: Open) -> None:
    page = visit(of=locked)
    expect(page).to_have_url(f"http://127.0.0.1:{locked.port}/login")
    page.get_by_label("API key").fill("river & sea")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("no generation yet")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert "river" not in cookie["value"]
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
