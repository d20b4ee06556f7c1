"""A batch run over 0.1 % new events that touch 1 % of a million tiles, beside one over everything.

Then another machine: an empty home that starts from the same log and store.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from anabranch.instant import iso
from bench.data import FIRST_US
from bench.report import Figure, at_most
from bench.server import free_port, running, up_command
from eventlog.log import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.runs import Runs

APPLICATION = Path(__file__).with_name("incremental_application.py")
TILES = int(os.environ.get("BENCH_INCREMENTAL_TILES", "1000000"))
EVENTS_A_TILE = 10
DAYS = 10
DAY_US = 86_400_000_000
ROUNDS = 5
"""Of a run over what is new, and one over everything. The round with the median ratio counts."""
AT_ONCE = 10_000


def run(home: Path) -> list[Figure]:
    fill(home, range(TILES * EVENTS_A_TILE), seed=0)
    batch(home)
    rounds = []
    for number in range(1, ROUNDS + 1):
        full = batch(home, "--full")
        fill(home, random.Random(number).sample(range(TILES), TILES // 100), seed=number)
        rounds.append((batch(home), full))
    ratio = statistics.median(incremental / full for incremental, full in rounds)
    incremental, full = min(rounds, key=lambda found: abs(found[0] / found[1] - ratio))
    return [
        at_most(
            "incremental run of 0.1 % new events that touch 1 % of 1 M tiles, of a --full run",
            ratio,
            "×",
            0.2,
            f"{incremental:.2f} s of {full:.2f} s",
        ),
        at_most("start of an empty home from a store with 1 M tiles", start_elsewhere(home), "s", 10.0, "a folder"),
    ]


def start_elsewhere(home: Path) -> float:
    """Seconds until a service with a home of its own has caught up."""
    port, environment = free_port(), {"ANABRANCH_STORE": str(home), "ANABRANCH_DATABASE": f"sqlite:///{home}/log.db"}
    begun = time.perf_counter()
    with running(up_command(home / "other", port, APPLICATION), port, "/readyz", **environment):
        return time.perf_counter() - begun


def fill(home: Path, places: range | list[int], seed: int) -> None:
    """Append an event for every place; a place is a tile, counted by shop and day, and begins anew behind the last."""
    log = SqlLog(Database(f"sqlite:///{home}/log.db"), None)
    for append in appends(places, seed):
        log.append(append)
    log.close()


def appends(places: range | list[int], seed: int) -> Iterator[Append]:
    chance = random.Random(seed)
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        times = [FIRST_US + place % DAYS * DAY_US + chance.randrange(DAY_US) for place in some]
        sales = [
            {"shop": place // DAYS % (TILES // DAYS), "sold": iso(time), "amount": round(chance.random() * 100, 2)}
            for place, time in zip(some, times, strict=True)
        ]
        nothing: list[str | None] = [None] * len(some)
        yield Append("sales", nothing, nothing, list(times), [orjson.dumps(sale) for sale in sales])


def batch(home: Path, *options: str) -> float:
    """Run ``anabranch batch run``; returns the seconds from the marker to what is published."""
    command = [sys.executable, "-m", "infra.cli", "batch", "run", str(APPLICATION), "--home", str(home), *options]
    subprocess.run(command, check=True, capture_output=True)
    database = Database(f"sqlite:///{home}/log.db")
    newest = Runs(database).list(1)[0]
    database.close()
    assert newest.finished is not None
    return (newest.finished - newest.started) / 1e6
