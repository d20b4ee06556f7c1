"""A field that comes later, and a default that changes: every layer gives stored events the same meaning."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service

HEAD = """
from datetime import datetime
from pydantic import BaseModel
from anabranch import App, agg

app = App("sales")
"""
SALES = """
class Sale(BaseModel):
    order: str
    shop: str
    {fields}

sales = app.stream("sales", Sale, id="order")
"""
VIEWS = """
app.view("by_shop", of=sales, by="shop", n=agg.count(), pieces=agg.sum("pieces"))
app.view("by_size", of=sales, by="size", n=agg.count())
app.view("by_function", of=sales, by=lambda sale: sale.shop, pieces=agg.sum("pieces"))
"""


class Sales:
    """A service whose application changes, and what plain Python makes of the events that were posted."""

    def __init__(self, folder: Path):
        self.file = folder / "sales.py"
        self.service = Service(self.file, folder / "home")
        self.meant: list[dict[str, Any]] = []

    def become(self, application: str) -> None:
        """Go on with another application."""
        self.service.stop()
        self.file.write_text(application)
        self.service.start()

    def post(self, *events: dict[str, Any], **lacking: Any) -> None:
        """Post events; of what they lack is meant `lacking`."""
        numbered = [{"order": f"o{len(self.meant) + n}", "shop": "ab"[n % 2], **e} for n, e in enumerate(events)]
        self.service.post("sales", numbered)
        self.meant += [{**lacking, **event} for event in numbered]

    def archive(self) -> None:
        assert self.service.batch("--full").wait(120) == 0, self.service.output.read_text()

    def mean(self, **lacking: Any) -> None:
        """What a new field means for events that lack it."""
        self.meant = [{**lacking, **event} for event in self.meant]

    def agree(self) -> None:
        """Hold SQL, the merged view and verify against plain Python."""
        found = self.sql("SELECT pieces, size FROM events_sales ORDER BY _offset")
        assert found == [[event["pieces"], event["size"]] for event in self.meant]
        assert self.view("by_shop") == {
            shop: sum(event["pieces"] for event in self.meant if event["shop"] == shop) for shop in "ab"
        }
        assert self.view("by_function") == self.view("by_shop")
        assert dict(self.sql("SELECT shop, pieces FROM view_by_shop")) == self.view("by_shop")
        sizes = [event["size"] for event in self.meant]
        assert {row["size"]: row["n"] for row in self.service.rows("by_size")} == {s: sizes.count(s) for s in sizes}
        command = self.service.command("verify", str(self.file))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def view(self, name: str, **query: str) -> dict[str, int]:
        end = self.sql("SELECT max(position) FROM freshness")[0][0]
        field = "shop" if name == "by_shop" else "key"
        return {row[field]: row["pieces"] for row in self.service.rows(name, end, **query)}

    def sql(self, statement: str) -> list[list[Any]]:
        answer = self.service.client.post("/v1/sql", json={"sql": statement})
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = json.loads(answer.content)["rows"]
        return rows


@pytest.fixture
def sales(tmp_path: Path) -> Iterator[Sales]:
    made = Sales(tmp_path)
    yield made
    made.service.close()


def with_fields(fields: str) -> str:
    return HEAD + SALES.format(fields=fields) + VIEWS


def test_a_default_that_changes_changes_nothing_that_is_stored_in_any_layer(sales: Sales) -> None:
    sales.become(HEAD + SALES.format(fields="") + 'app.view("n", of=sales, by="shop", n=agg.count())\n')
    sales.post({}, {}, {"pieces": 7, "size": "xl"})
    sales.archive()
    sales.mean(pieces=1, size="m")
    sales.become(with_fields('pieces: int = 1; size: str | None = "m"'))
    sales.agree()
    sales.post({}, {"pieces": 5}, {"size": None}, pieces=1, size="m")
    sales.archive()
    sales.agree()
    sales.post({"pieces": 2}, {}, pieces=1, size="m")
    sales.become(with_fields('pieces: int = 10; size: str | None = "s"'))
    sales.agree()
    sales.post({}, {"size": "l"}, pieces=10, size="s")
    sales.agree()
    sales.archive()
    sales.agree()
    assert sales.view("by_shop", layer="batch") == sales.view("by_shop")


def test_what_was_archived_while_its_stream_was_away_means_the_same(sales: Sales) -> None:
    sales.become(with_fields('pieces: int = 1; size: str | None = "m"'))
    sales.post({}, {"pieces": 5}, pieces=1, size="m")
    sales.archive()
    sales.post({}, {"pieces": 3, "size": None}, pieces=1, size="m")
    sales.become(HEAD + 'class Other(BaseModel):\n    n: int\n\n\napp.stream("others", Other)\n')
    sales.archive()
    sales.become(with_fields('pieces: int = 10; size: str | None = "s"'))
    sales.agree()
    sales.archive()
    sales.agree()
