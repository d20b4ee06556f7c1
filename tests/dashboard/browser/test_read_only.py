"""A service that accepts nothing says so on every page."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.dashboard.browser.conftest import APPLICATION
from tests.service import Service


def test_a_banner_says_why_nothing_is_accepted_on_every_page(browser: Browser, tmp_path: Path) -> None:
    service = Service(APPLICATION, tmp_path / "home")
    service.home.mkdir()
    (service.home / "log").write_text(json.dumps({"id": "of another log", "store": "its own"}))
    service.start(ready=False)
    page = browser.new_page()
    try:
        for place in ("", "#/batch"):
            page.goto(f"http://127.0.0.1:{service.port}/{place}")
            banner = page.get_by_role("alert").filter(has_text="Read-only:")
            expect(banner).to_contain_text("belongs to the log of another log")
            expect(banner).to_contain_text("anabranch restore")
        expect(page.locator("#state")).to_have_text("read-only")
    finally:
        page.close()
        service.close()
