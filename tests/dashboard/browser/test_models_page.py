"""Asking a model, and deciding who is champion."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.dashboard.browser.conftest import Open
from tests.service import Service


def test_a_prediction_form_answers_and_explains(visit: Open) -> None:
    page = visit("#/models/duration")
    expect(page.get_by_label("station", exact=True)).not_to_have_value("")
    page.get_by_label("rider", exact=True).fill("Customer")
    page.get_by_role("button", name="Predict").click()
    prediction = page.locator("#prediction")
    expect(prediction).to_have_text(re.compile(r"[\d.]+"))
    expect(page.locator(".sum")).to_have_text(re.compile(r"× [\d.]+ \(batch\).*× [\d.]+ \(speed\)"))
    terms = [
        float(weight) * float(part)
        for weight, part in re.findall(r"([\d.]+) × ([\d.]+)", page.locator(".sum").inner_text())
    ]
    assert abs(sum(terms) - float(prediction.inner_text())) < 0.02 * sum(terms)
    expect(page.locator("#ask")).to_contain_text("recent_minutes")


def test_a_classification_shows_the_probability_of_every_class(visit: Open) -> None:
    page = visit("#/models/rider")
    expect(page.get_by_label("station", exact=True)).not_to_have_value("")
    assert page.get_by_label("rider", exact=True).count() == 0  # the label is not asked for
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#prediction")).to_have_text(re.compile("Subscriber|Customer"))
    for row in ("blend: Customer", "batch: Subscriber", "speed: Subscriber"):
        expect(page.locator(".bars .name", has_text=row)).to_be_visible()


def test_a_wrong_field_is_told_beside_the_form(visit: Open) -> None:
    page = visit("#/models/duration", refused=422)
    expect(page.get_by_label("started", exact=True)).not_to_have_value("")
    page.get_by_label("started", exact=True).fill("yesterday")
    with page.expect_response("**/predict") as response:
        page.get_by_role("button", name="Predict").click()
    assert response.value.status == 422
    expect(page.locator("#ask").get_by_role("alert")).to_contain_text("started")


def test_a_version_is_promoted_and_rolled_back_after_a_question(visit: Open, service: Service) -> None:
    page = visit("#/models/duration")
    before = champion(service)
    other = 3 - before
    button = page.get_by_role("button", name=f"Promote {other}")
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert champion(service) == before

    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(status(page, other)).to_have_text("champion")
    assert champion(service) == other

    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(status(page, before)).to_have_text("champion")
    assert champion(service) == before


def test_losses_are_drawn_in_the_way_one_chooses(visit: Open) -> None:
    page = visit("#/models/duration")
    line = page.get_by_role("img", name="Loss of every expert of duration over time").locator("path.line").last
    expect(line).to_be_attached()
    shapes = {line.get_attribute("d")}
    for way in ("Mean so far", "As it was", "Against batch"):
        page.get_by_role("button", name=way).click()
        shapes.add(line.get_attribute("d"))
    assert len(shapes) == 4
    expect(page.locator(".mark-label", has_text="v2")).to_be_attached()


def champion(service: Service) -> int:
    told: int = service.client.get("/v1/models/duration").json()["champion"]
    return told


def status(page: Page, version: int) -> Locator:
    row = (
        page.get_by_role("table", name="Versions of duration")
        .get_by_role("row")
        .filter(has_text=re.compile(f"^{version}"))
    )
    return row.locator(".badge")
