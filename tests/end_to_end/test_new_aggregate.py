"""An aggregate that no layer has heard of goes everywhere: it is one class, and says itself what is to be known."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.service import Service

START = datetime(2024, 5, 1, tzinfo=UTC)
WORDS = [None, "", "a", "Äpfel", "apple", "naïve", "日本語です", "😀😀", "zebra", "b"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    application = Path(__file__).with_name("new_aggregate_application.py")
    service = Service(application, tmp_path / "home", ANABRANCH_SLICE_RECORDS="1000")
    yield service
    service.close()


def some(chance: Random, count: int) -> list[dict[str, Any]]:
    return [
        {
            "room": chance.choice("XY"),
            "at": (START + timedelta(minutes=chance.randrange(300))).isoformat(),
            "text": chance.choice(WORDS),
            "bits": chance.choice([None, 0, 1 << chance.randrange(62)]),
        }
        for _ in range(count)
    ]


def expected(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the views, by plain Python; of events of one instant the later posted is the newer."""
    by_tile: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for note in sorted(notes, key=lambda note: note["at"]):
        by_tile[note["room"], note["at"][:13] + ":00:00Z"].append(note)
    rows = []
    for (room, tile), found in sorted(by_tile.items()):
        texts = [note["text"] for note in found if note["text"] is not None]
        rows.append(
            {
                "room": room,
                "tile": tile,
                "longest": max(sorted(set(texts)), key=len, default=None),
                "newest": texts[::-1][:3],
                "flags": reduce(or_, [note["bits"] or 0 for note in found]),
                "n": len(found),
            }
        )
    return rows


def test_a_new_aggregate_is_folded_merged_served_queried_and_verified(service: Service) -> None:
    chance = Random(11)
    service.start()
    notes = some(chance, 2_500)
    service.post("notes", notes)
    assert service.batch().wait(300) == 0, service.output.read_text()
    more = some(chance, 150)
    position = service.post("notes", more)["position"]
    notes += more
    for view in ("in_sql", "in_python"):
        assert service.rows(view, position) == expected(notes)
    described = {view["view"]: view for view in service.client.get("/v1/views").json()["views"]}
    longest = {"aggregate": "longest", "field": "text", "type": "VARCHAR", "error": None}
    assert described["in_sql"]["aggregates"]["longest"] == longest

    for view in ("in_sql", "in_python"):
        sql = f"SELECT room, longest, newest, flags, n FROM view_{view} ORDER BY room, tile"
        response = service.client.post("/v1/sql", json={"sql": sql}, params={"after": position})
        assert response.status_code == 200, response.text
        assert [column["type"] for column in response.json()["columns"]][1:4] == ["VARCHAR", "VARCHAR[]", "BIGINT"]
        right = [[row[name] for name in ("room", "longest", "newest", "flags", "n")] for row in expected(notes)]
        assert response.json()["rows"] == right

    assert service.batch().wait(300) == 0, service.output.read_text()  # merges with the generation before
    service.stop()
    verified = subprocess.run(
        service.command("verify", str(service.application)), capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("exact") == 2, verified.stdout
