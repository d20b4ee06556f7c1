"""No answer is larger than a page, whatever was posted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import Service

APPLICATION = """
from pydantic import BaseModel

from anabranch import App, agg

app = App("wide")


class Page(BaseModel):
    url: str
    text: str


class Form(BaseModel):
    a0: int
    a1: int
    a2: int
    a3: int
    a4: int
    a5: int
    a6: int
    a7: int
    a8: int
    a9: int


pages = app.stream("pages", Page, key="url")
forms = app.stream("forms", Form)
texts = app.view("texts", of=pages, by="url", texts=agg.collect("text", limit=50))
"""
MIB = 2**20


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "wide.py").write_text(APPLICATION)
    service = Service(tmp_path / "wide.py", tmp_path / "home")
    service.start()
    yield service
    service.close()


def post_texts(service: Service, url: str, count: int) -> str:
    """Different texts of 400 kB."""
    end = ""
    for first in range(0, count, 15):
        texts = [f"{number:03d}" + "x" * 400_000 for number in range(first, min(first + 15, count))]
        end = service.post("pages", [{"url": url, "text": text} for text in texts])["position"]
    return end


def test_a_page_of_a_view_has_so_many_bytes_and_goes_on(service: Service) -> None:
    end = ""
    for number in range(10):
        end = post_texts(service, f"u{number}", 7)
    found: list[str] = []
    query: dict[str, str] = {"after": end, "timeout_ms": "60000"}
    while True:
        response = service.client.get("/v1/views/texts", params=query)
        assert response.status_code == 200
        assert len(response.content) < 17 * MIB
        found += [row["url"] for row in response.json()["rows"]]
        if "next" not in response.json():
            break
        query["next"] = response.json()["next"]
    assert found == [f"u{number}" for number in range(10)]


def test_a_row_that_is_larger_than_a_page_is_a_page_of_its_own(service: Service) -> None:
    post_texts(service, "a", 1)
    post_texts(service, "b", 50)
    end = post_texts(service, "c", 1)
    assert [row["url"] for row in service.rows("texts", end)] == ["a", "b", "c"]


def test_the_reasons_of_many_rejected_events_are_told_briefly(service: Service) -> None:
    count = 20_000
    response = service.client.post("/v1/streams/forms/events", json=[{"n": n} for n in range(count)])
    assert response.status_code == 422
    assert len(response.content) < 5 * MIB
    told = response.json()["rejected"]
    assert [event["index"] for event in told] == list(range(count))
    assert (len(told[999]["errors"]), len(told[1_000]["errors"])) == (10, 1)
    (last,) = service.client.get("/v1/streams/forms/rejected", params={"after": count - 1}).json()["rejected"]
    assert last["errors"][0]["type"] == "missing"
