"""Random events for the application with models: out of order, late, interleaved, with gaps."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.batch.conftest import Home
from tests.batch.rides import START
from tests.generation_files import file_of


def post(home: Home, count: int, seed: int = 0, day: int = 0, lot: int = 7) -> None:
    """Post rides, offers and answers of one day, a few of each stream at a time."""
    chance = random.Random(seed)
    lots: dict[str, list[dict[str, Any]]] = {"rides": [], "offers": [], "answers": []}
    for number in range(count):
        at = START + timedelta(days=day, seconds=number * 86_400 / count + chance.randrange(7_200))
        if chance.random() < 0.02:
            at -= timedelta(days=chance.randrange(1, 5))  # late
        name = f"{seed}-{number}"
        stream = chance.choice(["rides", "rides", "offers"])
        if stream == "rides":
            lots["rides"].append(ride(chance, name, at))
        else:
            price = round(chance.uniform(1, 9), 2)
            lots["offers"].append(
                {"offer_id": name, "station": chance.choice("ABC"), "price": price, "at": at.isoformat()}
            )
            if chance.random() < 0.7:
                later = at + timedelta(minutes=chance.randrange(-30, 240))
                lots["answers"].append({"offer": name, "taken": price < 5, "at": later.isoformat()})
        for of_stream, events in lots.items():
            if len(events) >= lot and chance.random() < 0.5:
                home.post(of_stream, events)
                lots[of_stream] = []
    for of_stream, events in lots.items():
        if events:
            home.post(of_stream, events)


def ride(chance: random.Random, name: str, at: Any) -> dict[str, Any]:
    station = chance.choice("AAABBCD")
    minutes = None if chance.random() < 0.05 else round(10 + 5 * "ABCD".index(station) + chance.uniform(-3, 3), 1)
    if chance.random() < 0.01:
        name += "!"
    return {
        "ride_id": name,
        "station": station,
        "member": chance.random() < 0.3,
        "at": at.isoformat(),
        "minutes": minutes,
    }


def learning_home(home: Home) -> Home:
    """A home with the application with models."""
    home.app_path = str(Path(__file__).parent / "model_application.py")
    return home


def rows_of(home: Home, number: int, model: str) -> list[dict[str, Any]]:
    """All rows of a model that a generation names, in the order of the log."""
    files = home.open(number).manifest["models"][model]["rows"]["files"]
    rows = [row for file in files for row in pq.read_table(file_of(home.path, file)).to_pylist()]
    return sorted(rows, key=lambda row: row["_offset"])
