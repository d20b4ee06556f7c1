from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.buckets import bucket, s3_server
from tests.databases import postgresql, postgresql_server, postgresql_url
from tests.service import Service

__all__ = ["bucket", "postgresql", "postgresql_server", "postgresql_url", "s3_server"]

APPLICATION = Path(__file__).with_name("application.py")
START = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the tests of a module that do not disturb each other: each posts ids and keys of its own."""
    service = Service(APPLICATION, tmp_path_factory.mktemp("shared") / "home", ANABRANCH_MAX_BODY_BYTES="100000")
    service.start()
    yield service
    service.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of one's own, which is not started."""
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_SLICE_RECORDS="1000")
    yield service
    service.close()


def ride(number: int, station: str = "A", **changes: Any) -> dict[str, Any]:
    at = (START + timedelta(minutes=number)).isoformat()
    return {"ride_id": f"{station}{number}", "station": station, "at": at, "minutes": number % 90, **changes}


def rides(chance: Random, first: int, count: int) -> list[dict[str, Any]]:
    """Rides late and early, over some days, of riders some of whom are unknown."""
    return [
        ride(
            number,
            chance.choice("ABC"),
            at=(START + timedelta(minutes=chance.randrange(5 * 24 * 60))).isoformat(),
            minutes=chance.choice([chance.randrange(100), chance.expovariate(1 / 20)]),
            rider=chance.choice([None, *(f"rider{n}" for n in range(60))]),
            bikes=chance.randrange(1, 5),
        )
        for number in range(first, first + count)
    ]
