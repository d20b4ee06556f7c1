from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from tests.buckets import bucket, s3_server
from tests.databases import postgresql, postgresql_server, postgresql_url
from tests.service import Service

__all__ = ["bucket", "postgresql", "postgresql_server", "postgresql_url", "s3_server"]
APPLICATION = Path(__file__).with_name("application.py")
OFTEN = {"ANABRANCH_CHECKPOINT_RECORDS": "400", "ANABRANCH_SLICE_RECORDS": "1000"}
"""Settings with which a few hundred events are several checkpoints and slices."""
on_either_database = pytest.mark.parametrize("service", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """A service whose log is in its home or, `on_either_database`, also in PostgreSQL."""
    database = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        database["ANABRANCH_DATABASE"] = request.getfixturevalue("postgresql_url")
    service = Service(APPLICATION, tmp_path / "home", **OFTEN, **database)
    yield service
    service.close()


def rides(chance: Random, first: int, count: int) -> list[dict[str, Any]]:
    """Rides with ids from `first` on, out of order in time; whole minutes, so that sums are exact."""
    start = datetime(2024, 5, 1, tzinfo=UTC)
    return [
        {
            "ride_id": f"r{number}",
            "station": chance.choice(["AB", "BC", "CA"]),
            "at": (start + timedelta(minutes=chance.randrange(600))).isoformat(),
            "minutes": chance.randrange(100),
        }
        for number in range(first, first + count)
    ]


def assert_exact(service: Service, events: list[dict[str, Any]], after: str) -> None:
    """What the service answers equals plain Python over the events."""
    hourly: dict[tuple[str, str], list[float]] = defaultdict(list)
    ever: dict[str, list[float]] = defaultdict(list)
    letters: Counter[str] = Counter()
    for event in events:
        hour = datetime.fromisoformat(event["at"]).replace(minute=0, second=0).isoformat().replace("+00:00", "Z")
        hourly[event["station"], hour].append(event["minutes"])
        ever[event["station"]].append(event["minutes"])
        letters.update(event["station"])
    assert {(r["station"], r["tile"]): (r["n"], r["total"]) for r in service.rows("hourly", after)} == {
        place: (len(values), sum(values)) for place, values in hourly.items()
    }
    assert {r["station"]: (r["n"], round(r["riders"]), r["top"]) for r in service.rows("ever", after)} == {
        station: (len(values), len(values), max(values)) for station, values in ever.items()
    }
    assert {r["key"]: r["n"] for r in service.rows("letters", after)} == dict(letters)


def seeds() -> list[int]:
    """Of kills at random moments; with ``--hypothesis-profile long`` twice as many. It is known when tests are read."""
    return [1, 2] if settings.get_current_profile_name() == "long" else [1]
