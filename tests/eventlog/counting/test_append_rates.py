from __future__ import annotations

from pathlib import Path

from eventlog.counting.append_rates import BUCKET_US, SPAN_US, AppendRates
from eventlog.lake import Lake
from eventlog.log import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database

START = 1_700_000_000_000_000


class World:
    """A log whose clock stands where the test says."""

    def __init__(self, folder: Path):
        self.now = START
        self.database = Database(f"sqlite:///{folder / 'log.db'}")
        self.log = SqlLog(self.database, Lake(folder / "lake"), lambda: self.now)

    def append(self, stream: str, count: int) -> None:
        nothing = [None] * count
        self.log.submit(Append(stream, [*nothing], [*nothing], [*nothing], [b"{}"] * count)).result()

    def rates(self) -> AppendRates:
        return AppendRates(self.database, lambda: self.now)

    def close(self) -> None:
        self.log.close()
        self.database.close()


def told(rates: AppendRates) -> dict[int, dict[str, int]]:
    return {(start - START) // BUCKET_US: counts for start, counts in rates.by_bucket() if counts}


def test_events_are_counted_by_stream_when_they_were_appended(tmp_path: Path) -> None:
    world = World(tmp_path)
    rates = world.rates()
    assert told(rates) == {}
    world.append("rides", 3)
    world.append("pings", 1)
    assert told(rates) == {0: {"rides": 3, "pings": 1}}
    world.append("rides", 2)
    world.now += 3 * BUCKET_US
    world.append("rides", 7)
    assert told(rates) == {0: {"rides": 5, "pings": 1}, 3: {"rides": 7}}
    world.close()


def test_what_is_long_ago_is_forgotten_and_not_looked_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(40):
        world.append("rides", 2)
        world.now += SPAN_US // 20
    old = world.rates()
    assert sum(counts["rides"] for counts in told(old).values()) in range(38, 43)
    assert told(old) == told(world.rates())
    world.now += SPAN_US
    assert told(old) == told(world.rates()) == {}
    world.close()


def test_there_is_a_bucket_for_every_moment_the_present_one_last(tmp_path: Path) -> None:
    world = World(tmp_path)
    starts = [start for start, _ in world.rates().by_bucket()]
    assert len(starts) == SPAN_US // BUCKET_US
    assert starts == list(range(starts[0], starts[0] + SPAN_US, BUCKET_US))
    assert starts[-1] <= world.now < starts[-1] + BUCKET_US
    world.close()
