"""Every page, wide and narrow, light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browser.conftest import Open, caught_up, rentals
from tests.service import Service

PLACES = {
    "Overview": "#/",
    "Models": "#/models",
    "Views": "#/views",
    "Batch": "#/batch",
    "Log": "#/log",
    "SQL": "#/sql",
}
SHOWN = {
    "Overview": "answer = batch ⊕ speed",
    "Models": "What it is made of|Ask it",
    "Views": "San Francisco Caltrain",
    "Batch": r"published as generation \d",
    "Log": "Field required|valid string",
    "SQL": "events_rentals",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PLACES)
def test_a_page_shows_real_data_and_fits(visit: Open, service: Service, name: str, width: int, theme: str) -> None:
    if name == "SQL" and no_sql(service):
        pytest.skip("this service answers no SQL yet")
    page = visit(PLACES[name], width=width, theme=theme)
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(page.locator("#main")).to_contain_text(re.compile(SHOWN[name]))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.title() == f"{name} · Anabranch"


def no_sql(service: Service) -> bool:
    return service.client.post("/v1/sql", json={"sql": "SELECT 1"}).status_code == 404


def test_the_overview_draws_the_cut_as_it_is(visit: Open, service: Service) -> None:
    page = visit()
    state = service.client.get("/dashboard/snapshot").json()
    number = state["generation"]
    picture = page.get_by_role("img", name=re.compile(f"Generation {number} covers the first"))
    expect(picture).to_be_visible()
    for offset in (state["batch_cut"], state["log_end"]):
        expect(picture).to_contain_text(f"{int(offset[2:]):,}")
    expect(page.locator("#state")).to_contain_text(f"generation {number}")


def test_the_overview_follows_the_log(visit: Open, service: Service) -> None:
    page = visit()
    tile = page.locator(".tile", has_text="Records in the log").locator("b")
    expect(tile).not_to_be_empty()
    end = int(service.client.get("/readyz").json()["log_end"][2:])
    service.post("notes", [{"text": "one more"}])
    expect(tile).to_have_text(f"{end + 1:,}")


def test_all_pages_are_reached_by_keyboard_alone(visit: Open) -> None:
    page = visit()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    for name in list(PLACES)[1:]:
        link = page.get_by_role("navigation").get_by_role("link", name=name)
        for _ in range(12):
            if link.evaluate("node => node === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(link).to_have_attribute("aria-current", "page")
    assert "sql" in page.url


def test_a_chart_is_read_with_the_arrow_keys(visit: Open) -> None:
    page = visit("#/models/duration")
    plot = page.get_by_role("img", name="Loss of every expert of duration over time")
    expect(plot.locator("path.line").first).to_be_attached()
    plot.focus()
    page.keyboard.press("End")
    spoken = page.get_by_role("status").filter(has_text=re.compile(r"batch [\d.]+.*blend [\d.]+"))
    expect(spoken).to_be_attached()


def test_the_theme_is_switched_and_stays(visit: Open) -> None:
    page = visit(theme="dark")
    dark = background(page)
    page.get_by_role("button", name="Switch between light and dark").click()
    light = background(page)
    assert light != dark
    page.reload()
    assert background(page) == light


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_an_unknown_page_leads_back(visit: Open) -> None:
    page = visit("#/nowhere")
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_a_view_shows_the_shares_of_batch_and_speed(visit: Open, service: Service) -> None:
    busiest = max(service.rows("usage", group="total"), key=lambda row: row["rentals"])
    late = {**rentals(0, 1)[0], "rental_id": "late", "station": busiest["station"]}
    busiest["rentals"] += service.post("rentals", [late])["accepted"]
    caught_up(service)
    page = visit("#/views/usage?last=")
    bar = page.locator(".bars > div").first
    expect(bar).to_contain_text(busiest["station"])
    expect(bar).to_contain_text(f"{busiest['rentals']:,}")
    assert bar.locator("i[title^=batch]").count() == bar.locator("i[title^=speed]").count() == 1
    bar.get_by_role("button", name=busiest["station"]).click()
    plot = page.get_by_role("img", name="rentals of view usage over time")
    expect(plot.locator("rect").first).to_be_attached()
    assert re.search(r"station=.+", page.url)
    page.get_by_role("combobox", name="aggregate").select_option("riders")
    expect(page.locator(".bars > div").first).to_contain_text("Subscriber")


def test_what_users_send_never_becomes_markup(visit: Open) -> None:
    page = visit("#/views/words")
    expect(page.get_by_role("cell", name="<script>alert(1)</script>")).to_be_visible()
    page = visit("#/log?stream=notes")
    expect(page.get_by_role("log")).to_contain_text("<b>the</b>")
