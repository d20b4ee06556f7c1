"""A real browser on a real service that has seen two generations, promoted versions, and events of the bundled data.

The browser's driver keeps an event loop in this thread as long as it lives, which other tests would stumble over: so
all tests with a browser are in this package, and the driver ends with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.service import Service

APPLICATION = Path(__file__).with_name("application.py")
DATA = Path(__file__).parents[3] / "examples" / "data" / "bikes.parquet"
HISTORY, BETWEEN, LIVE = 3_000, 2_000, 1_500
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_OPTIONS = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update")


def rentals(first: int, count: int) -> list[dict[str, Any]]:
    """Real rentals, as events."""
    rows = pq.read_table(DATA).slice(first, count).to_pylist()
    return [{**row, "started": row["started"].isoformat() + ("" if row["started"].tzinfo else "Z")} for row in rows]


def post(service: Service, events: list[dict[str, Any]]) -> None:
    for start in range(0, len(events), 500):
        service.post("rentals", events[start : start + 500])


def caught_up(service: Service) -> None:
    """Return once the fold has seen everything."""
    end = service.client.get("/readyz").json()["log_end"]
    assert service.client.get("/v1/models", params={"after": end, "timeout_ms": 60_000}).status_code == 200


def batch(service: Service) -> None:
    assert service.batch().wait(300) == 0, service.output.read_text()


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service that all pages are shown of."""
    service = Service(APPLICATION, tmp_path_factory.mktemp("dashboard") / "home", ANABRANCH_WORKERS="1")
    service.start()
    try:
        post(service, rentals(0, HISTORY))
        batch(service)
        post(service, rentals(HISTORY, BETWEEN))
        batch(service)
        post(service, rentals(HISTORY + BETWEEN, LIVE))
        service.post(
            "notes", [{"text": "the river the sea"}, {"text": "<b>the</b> <script>alert(1)</script>", "stars": 3}]
        )
        wrong = [{"text": 7}, {"text": "fine", "stars": "many"}]
        assert service.client.post("/v1/streams/notes/events", json=wrong).status_code == 422
        caught_up(service)
        yield service
    finally:
        service.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium of this machine: nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's own does not work for root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_OPTIONS, *sandbox])
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Open]:
    """Opens a page of the dashboard. At the end none may have logged an error, or asked anybody but the service."""
    pages: list[Page] = []
    troubles: list[str] = []

    def opened(
        place: str = "",
        *,
        of: Service = service,
        width: int = 1280,
        theme: Any = "light",
        refused: int | None = None,  # the status that the service is expected to answer: Chromium reports it
    ) -> Page:
        page = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme).new_page()
        pages.append(page)
        base = f"http://127.0.0.1:{of.port}/"

        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and f"status of {refused} " not in message.text:
                troubles.append(message.text)

        def asked(request: Request) -> None:
            if not request.url.startswith((base, "blob:", "data:")):
                troubles.append(request.url)

        page.on("console", heard)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", asked)
        page.goto(base + place)
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert troubles == []
