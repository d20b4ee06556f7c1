"""Numbers beyond 2^53 are shown and sent as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser.conftest import Open, caught_up
from tests.service import Service

ACCOUNT, CENTS = 2**53 + 1, 2**60 + 1
SHOWN_ACCOUNT, SHOWN_CENTS = f"{ACCOUNT:,}", f"{CENTS:,}"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    application = Path(__file__).with_name("large_numbers.py")
    service = Service(application, tmp_path_factory.mktemp("large") / "home")
    service.start()
    try:
        service.post("payments", [{"account": ACCOUNT, "cents": CENTS}, {"account": ACCOUNT + 1, "cents": 7}])
        caught_up(service)
        yield service
    finally:
        service.close()


def test_views_show_them_and_links_carry_them(visit: Open, large: Service) -> None:
    page = visit("#/views/balances", of=large)
    expect(page.locator("#main")).to_contain_text(SHOWN_CENTS)
    page.locator("#main").get_by_role("button", name=str(ACCOUNT)).click()
    expect(page.locator("input[name=account]")).to_have_value(str(ACCOUNT))
    expect(page.locator("#main table tbody tr")).to_have_count(1)
    expect(page.locator("#main table tbody tr")).to_contain_text(SHOWN_ACCOUNT)
    assert f"account={ACCOUNT}" in page.url


def test_sql_shows_them(visit: Open, large: Service) -> None:
    page = visit("#/sql", of=large)
    page.locator("textarea").fill(f"SELECT cents, {ACCOUNT} AS account, [{CENTS}] AS listed FROM view_balances")
    page.locator("#run-sql").click()
    cell = page.get_by_role("region", name="Result").get_by_role("cell")
    expect(cell.filter(has_text=SHOWN_CENTS).first).to_be_visible(timeout=60_000)
    expect(cell.filter(has_text=SHOWN_ACCOUNT).first).to_be_visible()
    expect(cell.filter(has_text=f"[{CENTS}]").first).to_be_visible()


def test_the_prediction_form_is_filled_with_them_and_sends_them(visit: Open, large: Service) -> None:
    large.post("payments", [{"account": ACCOUNT, "cents": CENTS}])
    caught_up(large)
    page = visit("#/models/next", of=large)
    expect(page.locator("input[name=account]")).to_have_value(str(ACCOUNT))
    with page.expect_request(lambda request: request.url.endswith("/predict")) as sent:
        page.get_by_role("button", name="Predict").click()
    assert json.loads(sent.value.post_data or "")["account"] == ACCOUNT
    expect(page.locator("#prediction")).to_be_visible()


def test_the_log_shows_them(visit: Open, large: Service) -> None:
    page = visit("#/log", of=large)
    expect(page.locator("#main")).to_contain_text(str(CENTS))
