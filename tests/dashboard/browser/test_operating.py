"""What operators do: look at the log, bring rejected events in, start a batch run, ask in SQL."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser.conftest import Open
from tests.dashboard.browser.test_pages import no_sql
from tests.service import Service


def test_the_tail_grows_and_is_filtered(visit: Open, service: Service) -> None:
    page = visit("#/log?stream=notes")
    tail = page.get_by_role("log")
    expect(tail).to_contain_text("the river the sea")
    service.post("notes", [{"text": "a heron"}, {"text": "a kingfisher"}])
    expect(tail).to_contain_text("a kingfisher")
    page.get_by_label("text contains").fill("HERON")
    expect(tail.locator("> div")).to_have_count(1)
    page.get_by_role("combobox", name="stream").select_option("rentals")
    page.get_by_label("text contains").fill("")
    expect(tail).to_contain_text("rental_id")


def test_a_rejected_event_shows_its_reasons_and_is_retried(visit: Open, service: Service) -> None:
    page = visit("#/log?rejected=1", refused=422)
    table = page.get_by_role("table", name="Rejected events")
    row = table.get_by_role("row").filter(has_text="stars")
    expect(row).to_contain_text("valid integer")
    with page.expect_response(re.compile("/retry$")) as response:
        row.get_by_role("button", name="Retry").click()
    assert response.value.status == 422
    expect(page.get_by_role("alert")).to_contain_text("still wrong")
    expect(row).to_be_visible()


def test_a_batch_run_is_started_and_watched(visit: Open, service: Service) -> None:
    page = visit("#/batch")
    expect(page.get_by_text(re.compile("published as generation"))).to_be_visible()
    page.get_by_role("button", name="Start a batch run").click()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="A run is at work")).to_be_disabled()
    expect(page.get_by_text("published as generation 3")).to_be_visible(timeout=180_000)
    for stage in ("archive", "fold", "merge", "replay", "train", "publish"):
        expect(page.locator(".fall > div", has_text=stage)).to_be_visible()
    gate = page.get_by_role("table", name="Verdicts of the gate")
    expect(gate.get_by_role("row").filter(has_text="duration")).to_contain_text(re.compile("promoted|rejected"))
    expect(page.get_by_role("table", name="Skew between training and serving")).to_contain_text("duration")
    page.get_by_role("navigation").get_by_role("link", name="Overview").click()
    expect(page.locator(".tile", has_text="Generation")).to_contain_text("3")


def test_sql_is_written_with_offers_run_drawn_and_taken_away(visit: Open, service: Service) -> None:
    if no_sql(service):
        pytest.skip("this service answers no SQL yet")
    page = visit("#/sql")
    editor = page.get_by_role("textbox", name="SQL")
    expect(page.get_by_role("table", name="Views and their columns")).to_contain_text("view_usage")
    editor.fill("SELECT station, count(*) AS n FROM events_ren")
    editor.press("End")
    editor.press_sequentially("t")
    page.get_by_role("option", name="events_rentals").click()
    expect(editor).to_have_value(re.compile("FROM events_rentals$"))
    editor.press_sequentially(" GROUP BY station ORDER BY n DESC")
    editor.press("Escape")
    editor.press("Control+Enter")
    result = page.get_by_role("table", name="Result")
    expect(result.get_by_role("row")).not_to_have_count(1)
    busiest = max(service.rows("usage", group="total"), key=lambda row: row["rentals"])
    expect(result.get_by_role("row").nth(1)).to_contain_text(busiest["station"])
    expect(page.locator(".bars > div").first).to_contain_text(busiest["station"])
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.path().read_text().startswith("station,n")


def test_wrong_sql_is_told(visit: Open, service: Service) -> None:
    if no_sql(service):
        pytest.skip("this service answers no SQL yet")
    page = visit("#/sql", refused=422)
    page.get_by_role("textbox", name="SQL").fill("SELECT nonsense")
    with page.expect_response("**/v1/sql", timeout=30_000):
        page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
