"""Whoever may post can have events refused: what is kept of them is bounded, and says what went."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service

APPLICATION = Path(__file__).parents[1] / "end_to_end" / "application.py"
Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Service] = []

    def start_(**settings: str) -> Service:
        started.append(Service(APPLICATION, tmp_path / "home", **settings))
        started[-1].start()
        return started[-1]

    yield start_
    for service in started:
        service.close()


def click(number: int, more: str = "") -> dict[str, Any]:
    return {"page": number, "more": more}  # a page is a text


def post(service: Service, events: list[dict[str, Any]], stream: str = "clicks", status: int = 422) -> None:
    response = service.client.post(f"/v1/streams/{stream}/events", json=events)
    assert response.status_code == status, response.text


def rejected(service: Service, stream: str = "clicks", **query: Any) -> dict[str, Any]:
    response = service.client.get(f"/v1/streams/{stream}/rejected", params=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def metric(service: Service, name: str, stream: str) -> float:
    wanted = f'{name}{{stream="{stream}"}} '
    lines = service.client.get("/metrics").text.splitlines()
    return float(next(line.removeprefix(wanted) for line in lines if line.startswith(wanted)))


def _done(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**service.environment, "ANABRANCH_PORT": str(service.port)}
    return subprocess.run(service.command(*words), capture_output=True, text=True, env=environment, check=False)


def test_a_hundred_thousand_identical_events_are_one_letter_with_a_count(start: Start) -> None:
    service = start()
    for _ in range(10):
        post(service, [click(7)] * 10_000)
    (letter,) = rejected(service)["rejected"]
    assert (letter["count"], json.loads(letter["body"])) == (100_000, click(7))
    assert letter["received"] < letter["last"]
    assert rejected(service)["dropped"] == 0
    assert service.client.get("/v1/streams/clicks").json()["rejected"] == 100_000


def test_another_reason_or_another_stream_is_another_letter(start: Start) -> None:
    service = start()
    post(service, [{"page": 7}])
    post(service, [{"page": 7}], stream="rides")
    post(service, [{"page": 8}])
    assert [letter["count"] for letter in rejected(service)["rejected"]] == [1, 1]
    assert [letter["count"] for letter in rejected(service, "rides")["rejected"]] == [1]


def test_letters_beyond_the_number_make_room_and_are_counted_everywhere(start: Start) -> None:
    service = start(ANABRANCH_REJECTED_KEEP="20")
    post(service, [{}], stream="rides")
    post(service, [click(number) for number in range(15)])
    post(service, [click(number) for number in range(15, 50)])
    post(service, [click(49)])
    answer = rejected(service)
    assert [json.loads(letter["body"])["page"] for letter in answer["rejected"]] == list(range(30, 50))
    assert (answer["dropped"], answer["rejected"][-1]["count"]) == (30, 2)
    told = service.client.get("/v1/streams/clicks").json()
    assert (told["rejected"], told["rejected_dropped"]) == (21, 30)
    assert len(rejected(service, "rides")["rejected"]) == 1, "a flood of one stream washed another's away"
    assert metric(service, "anabranch_rejected_waiting", "clicks") == 21
    assert metric(service, "anabranch_rejected_dropped_total", "clicks") == 30
    status = json.loads(_done(service, "status", "--json").stdout)
    assert status["rejected_dropped"] == {"rides": 0, "clicks": 30}


def test_letters_beyond_the_bytes_make_room(start: Start) -> None:
    service = start(ANABRANCH_REJECTED_KEEP_BYTES="100000")
    for number in range(20):
        post(service, [click(number, "x" * 20_000)])
    answer = rejected(service)
    assert [json.loads(letter["body"])["page"] for letter in answer["rejected"]] == [16, 17, 18, 19]
    assert answer["dropped"] == 16


def test_what_comes_again_stays_and_what_does_not_makes_room(start: Start) -> None:
    service = start(ANABRANCH_REJECTED_KEEP="3")
    post(service, [click(1)])
    for number in range(10, 16):
        post(service, [click(number)])
        post(service, [click(1)])
    kept = rejected(service)["rejected"]
    assert {json.loads(letter["body"])["page"]: letter["count"] for letter in kept} == {1: 7, 14: 1, 15: 1}


def test_a_page_of_letters_is_bounded_in_bytes_and_goes_on(start: Start) -> None:
    service = start()
    for first in range(0, 60, 20):
        post(service, [click(number, "x" * 400_000) for number in range(first, first + 20)])
    found: list[int] = []
    after = 0
    while after is not None:
        response = service.client.get("/v1/streams/clicks/rejected", params={"after": after})
        assert len(response.content) < 20_000_000
        found += [json.loads(letter["body"])["page"] for letter in response.json()["rejected"]]
        after = response.json()["next"]
    assert found == list(range(60))


MODEL = """
from pydantic import BaseModel
from anabranch import App, agg

app = App("shop")


class Sale(BaseModel):
    amount: {kind}


class Order(BaseModel):
    order: str
    amount: {kind}


sales = app.stream("sales", Sale)
orders = app.stream("orders", Order, id="order")
total = app.view("total", of=sales, by=(), n=agg.count())
"""


def test_a_retry_brings_in_as_many_as_the_letter_stands_for(tmp_path: Path) -> None:
    """Identical events of a stream without an id are so many events; those with one id are one."""
    application = tmp_path / "shop.py"
    application.write_text(MODEL.format(kind="int"))
    service = Service(application, tmp_path / "home", ANABRANCH_MAX_EVENTS="1000")
    service.start()
    for _ in range(3):
        post(service, [{"amount": "3 EUR"}] * 500, stream="sales")
    post(service, [{"order": "a", "amount": "3 EUR"}] * 5, stream="orders")
    service.stop()
    application.write_text(MODEL.format(kind="int | str"))
    service.start()
    try:
        (sale,) = rejected(service, "sales")["rejected"]
        (order,) = rejected(service, "orders")["rejected"]
        retry = f"/v1/streams/sales/rejected/{sale['id']}/retry"
        assert service.client.post(retry).json()["accepted"] == 1_000
        assert rejected(service, "sales")["rejected"][0]["count"] == 500
        assert service.client.post(retry).json()["accepted"] == 500
        assert service.client.post(retry).status_code == 409
        assert service.client.post(f"/v1/streams/orders/rejected/{order['id']}/retry").json()["accepted"] == 1
        assert rejected(service, "sales")["rejected"] == rejected(service, "orders")["rejected"] == []
        assert service.client.get("/v1/streams/sales").json()["rejected"] == 0
        end = service.client.post("/v1/streams/sales/events", json={"amount": 1}).json()["position"]
        assert service.client.get("/v1/views/total", params={"after": end}).json()["rows"] == [
            {"tile": None, "n": 1_501}
        ]
    finally:
        service.close()


def test_sql_tells_the_counts(start: Start) -> None:
    service = start()
    post(service, [click(1)] * 3 + [click(2)])
    answer = service.client.post(
        "/v1/sql", json={"sql": 'SELECT "count", "last" >= received FROM rejected ORDER BY id'}
    )
    assert answer.json()["rows"] == [[3, True], [1, True]]


def test_an_import_of_many_bad_rows_keeps_no_more_than_a_post(tmp_path: Path) -> None:
    """A dump of another table: every row is wrong, most in the same way."""
    rows = tmp_path / "rows.ndjson"
    rows.write_text("".join(f'{{"page": {number if number % 2 else 0}}}\n' for number in range(2_000)))
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_REJECTED_KEEP="50")
    done = _done(service, "import", str(rows), "--stream", "clicks", str(APPLICATION))
    assert done.returncode == 1, done.stderr
    service.start()
    try:
        kept = rejected(service)
        assert len(kept["rejected"]) == 50
        assert kept["dropped"] + sum(letter["count"] for letter in kept["rejected"]) == 2_000
        assert max(letter["count"] for letter in kept["rejected"]) == 1_000
    finally:
        service.close()
