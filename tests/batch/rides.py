"""Random rides, with every kind of value missing now and then."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

START = datetime(2024, 1, 1, tzinfo=UTC)


def rides(count: int, seed: int = 0, start: datetime = START, hours: int = 30) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [_ride(chance, index, start, hours) for index in range(count)]


def _ride(chance: random.Random, index: int, start: datetime, hours: int) -> dict[str, Any]:
    ride = {
        "id": f"{chance.getrandbits(32)}-{index}",
        "at": (start + timedelta(seconds=chance.randrange(hours * 3600))).isoformat(),
        "station": chance.choice(["", "A", "B", "Zürich", "日本", "a'b\"c"]),
        "dock": chance.choice([-1, 0, 3, 2**62]),
        "member": chance.random() < 0.5,
        "minutes": chance.choice([0.0, -0.0, 7.25, 1e-3, chance.uniform(0, 100)]),
        "bikes": chance.choice([0, -3, 2**62, -(2**63), chance.randrange(1000)]),
        "ended": (start + timedelta(microseconds=chance.randrange(10**12))).isoformat(),
        "colour": chance.choice(["red", "blue"]),
        "day": chance.choice(["2024-01-01", "1950-12-31"]),
        "ticket": str(UUID(int=chance.randrange(50))),
        "price": str(chance.choice(["1.10", "0.05", "12"])),
        "weight": chance.choice([1.5, 2.0]),
        "payload": chance.choice([{"a": 1}, {}]),
    }
    kept = {name for name in ride if name in ("id", "at") or chance.random() < 0.8}
    nullable = set(ride) - {"id", "at", "weight"}
    return {
        name: None if name in nullable and chance.random() < 0.1 else value
        for name, value in ride.items()
        if name in kept
    }
