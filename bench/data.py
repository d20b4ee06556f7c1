"""Trips that never happened, the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from anabranch.instant import iso
from eventlog.log import Append

FIRST_US = 1_700_000_000_000_000
STATIONS = 500


def trips(
    count: int, first: int = 0, span_us: int = 30 * 86_400_000_000, total: int | None = None
) -> Iterator[dict[str, Any]]:
    """`count` trips from number `first` on, spread in order over `span_us` as if there were `total` in all."""
    chance = random.Random(first)
    step = span_us / (total or count)
    for number in range(first, first + count):
        yield {
            "trip_id": f"t{number}",
            "station": f"S{min(int(chance.paretovariate(0.4)), STATIONS * 7) % STATIONS}",
            "rider": ("Subscriber", "Customer")[number % 2],
            "started": iso(FIRST_US + int(number * step)),
            "minutes": round(chance.random() * 100, 2),
        }


def lines(count: int, first: int = 0, total: int | None = None) -> Iterator[bytes]:
    """The trips as lines of JSON."""
    import orjson

    return (orjson.dumps(trip) for trip in trips(count, first, total=total))


def appends(count: int, first: int = 0, size: int = 1_000, total: int | None = None) -> Iterator[Append]:
    """The trips as the log takes them, `size` at a time."""
    import orjson

    from anabranch.instant import instant_us

    total = total or count
    for start in range(first, first + count, size):
        some = list(trips(min(size, first + count - start), start, total=total))
        yield Append(
            "trips",
            [trip["trip_id"] for trip in some],
            [trip["station"] for trip in some],
            [instant_us(trip["started"]) for trip in some],
            [orjson.dumps(trip) for trip in some],
        )
