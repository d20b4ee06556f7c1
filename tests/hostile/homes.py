"""A home that has lived: what is in the lake alone, in both, and in the hot log alone; what may happen to its files.

It is copied while its process is at work, as a kill would leave it, so that the log has its ``-wal`` and ``-shm``.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from anabranch.instant import instant_us
from batch.run import run_batch
from eventlog.log import Append
from infra.analytics.snapshot_writer import snapshots_of
from infra.composition import Process, opened
from infra.settings import Settings

APPLICATION = Path(__file__).with_name("home_application.py")
START = datetime(2024, 5, 1, tzinfo=UTC)
Sums = dict[tuple[str, str], tuple[int, float]]
"""(count, sum) of every station and hour."""


@dataclass(frozen=True)
class LivedHome:
    """A home, and what its views have to answer.

    Attributes
    ----------
    path, older
        The home, and a copy of an earlier time.
    sums
        What view `hourly` holds, by plain Python.
    """

    path: Path
    older: Path
    sums: Sums

    def copied(self, into: Path) -> Path:
        return shutil.copytree(self.path, into)


def settings_of(home: Path) -> Settings:
    return Settings.load(app=str(APPLICATION), home=home)


def batch(process: Process, **options: Any) -> Any:
    parts = process.log, process.leases, process.runs, process.lake
    return run_batch(str(APPLICATION), process.home, *parts, workers=1, clock=process.clock, **options)


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> LivedHome:
    folder = tmp_path_factory.mktemp("lived")
    home, older, killed = folder / "home", folder / "older", folder / "killed"
    chance = Random(1)
    rides = [ride(chance, number) for number in range(900)]
    with opened(settings_of(home)) as process:
        consumer = process.consumer()
        consumer.start()
        post(process, rides[:400])
        batch(process, retention_us=0)
        post(process, rides[400:600])
        consumer.reader.when_past(process.log.end()).result(30)
        consumer.stop()  # with a checkpoint
        shutil.copytree(home, older)
        batch(process)
        consumer = process.consumer()
        consumer.start()
        post(process, rides[600:])
        consumer.reader.when_past(process.log.end()).result(30)
        consumer.stop()
        snapshots = snapshots_of(process, process.home / "analytics")
        snapshots.take({}, "0:0", 0.0, publish=process.home / "analytics.duckdb")
        shutil.copytree(home, killed)
    shutil.rmtree(home)
    return LivedHome(killed, older, sums_of(rides))


def ride(chance: Random, number: int) -> dict[str, Any]:
    return {
        "ride_id": f"r{number}",
        "station": chance.choice(["AB", "BC", "CA"]),
        "at": (START + timedelta(minutes=chance.randrange(600))).isoformat(),
        "minutes": chance.randrange(100),
    }


def post(process: Process, rides: list[dict[str, Any]]) -> None:
    for first in range(0, len(rides), 100):
        some = rides[first : first + 100]
        ids: list[str | None] = [ride["ride_id"] for ride in some]
        keys: list[str | None] = [ride["station"] for ride in some]
        times: list[int | None] = [instant_us(ride["at"]) for ride in some]
        process.log.append(Append("rides", ids, keys, times, [orjson.dumps(ride) for ride in some]))


def sums_of(rides: list[dict[str, Any]]) -> Sums:
    minutes: dict[tuple[str, str], list[float]] = defaultdict(list)
    for ride in rides:
        hour = datetime.fromisoformat(ride["at"]).replace(minute=0, second=0).isoformat().replace("+00:00", "Z")
        minutes[ride["station"], hour].append(ride["minutes"])
    return {place: (len(values), sum(values)) for place, values in minutes.items()}


# damage


def flipped(path: Path, older: Path) -> None:
    """A bit in the middle is another."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)


def torn(path: Path, older: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path, older: Path) -> None:
    path.write_bytes(b"")


def removed(path: Path, older: Path) -> None:
    path.unlink()


def replaced(path: Path, older: Path) -> None:
    """An older version is in its place or, where there was none, the file of its kind that came before."""
    before = [older] if older.exists() else sorted(p for p in path.parent.glob(f"*{path.suffix}") if p < path)
    with suppress(IndexError):
        path.write_bytes(before[-1].read_bytes())


DAMAGES: list[Callable[[Path, Path], None]] = [flipped, torn, emptied, removed, replaced]
