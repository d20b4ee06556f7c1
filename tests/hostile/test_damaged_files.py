"""Every kind of file of a home is damaged in five ways, and the home is read by every road.

Each road answers what is right, or says in one sentence what is damaged. None answers anything else, and none breaks.

With ``--hypothesis-profile long`` each damaged file is come by on all of its roads. Else on those that must refuse it,
and by turns on the others, so that every kind of file is met on every road with some damage.
"""

from __future__ import annotations

import csv
import logging
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import TimeoutError as StillWaitingError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from anabranch import Cut
from anabranch.errors import AnabranchError
from anabranch.instant import iso
from eventlog.log.reading import read_through
from infra.analytics.sql_command import run_sql
from infra.composition import Process, opened
from infra.service_client import ServiceClient
from infra.status.status import status_of
from infra.verify.verification import verified
from serving.answers.selection import ViewQueries
from serving.answers.view_reading import ViewReader
from speed.reader import SpeedReader
from tests.generation_files import file_of, said_of, view_file
from tests.hostile.homes import (
    DAMAGES,
    LivedHome,
    Sums,
    batch,
    emptied,
    flipped,
    lived,
    removed,
    settings_of,
    torn,
)

__all__ = ["lived"]


def duration(home: Path) -> Any:
    return said_of(home, 2)["models"]["duration"]


READING, BATCH = ("by_status", "by_log", "by_sql", "by_verify", "by_service"), ("by_full_batch", "by_batch")
KINDS: dict[str, tuple[str | Callable[[Path], Path], tuple[str, ...]]] = {
    "log": ("log.db", READING),
    "log's index of pages": ("log.db-shm", READING[:2]),
    "archived events": ("lake/rides/*-400-*.parquet", READING + BATCH),
    "archived decisions": ("lake/_anabranch/*.parquet", READING + BATCH),
    "first commit": ("lake/rides/_delta_log/*00.json", READING + BATCH[:1]),
    "commit": ("lake/rides/_delta_log/*01.json", READING + BATCH[:1]),
    "newest commit": ("lake/rides/_delta_log/*02.json", READING + BATCH),
    "newest commit of decisions": ("lake/_anabranch/_delta_log/*02.json", READING + BATCH[1:]),
    "manifest": ("generations/00000002-*.json", READING + BATCH[1:]),
    "older manifest": ("generations/00000001-*.json", ("by_sql", *BATCH[1:])),
    "table": (lambda home: view_file(home, 2, "hourly", "table"), ("by_verify", "by_sql", "by_service")),
    "index": (lambda home: view_file(home, 2, "hourly"), ("by_verify", "by_service", *BATCH[1:])),
    "model": (lambda home: file_of(home, duration(home)["versions"][0]["file"]), ("by_service", *BATCH[1:])),
    "training rows": (lambda home: file_of(home, duration(home)["rows"]["files"][0]), BATCH[1:]),
    "checkpoint": ("checkpoints/*.checkpoint", ("by_sql", "by_service")),
    "key": ("key", ("by_status", "by_service")),
    "analysts' database": ("analytics.duckdb", ("by_sql",)),
    "analysts' file": ("analytics/*/view-hourly-*.parquet", ("by_sql",)),
}
"""By what it is: where it lies, and the roads that come by it."""


@pytest.fixture
def stopped(lived: LivedHome, tmp_path: Path) -> Path:
    """A home in which the log is one file."""
    home = lived.copied(tmp_path / "home")
    connection = sqlite3.connect(home / "log.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (home / "log.db-shm").write_bytes(bytes(32768))  # as a kill leaves it
    return home


# the roads


def by_status(process: Process, sums: Sums) -> str:
    status, _ = status_of(process.settings, ServiceClient.of(process.settings))
    return status["problem"] or ""


def by_service(process: Process, sums: Sums) -> str:
    """What a service that starts now answers, or why it cannot."""
    consumer = process.consumer()
    consumer.start()
    try:
        arrived = consumer.reader.when_past(process.log.end())
        while consumer.reader.trouble is None:
            try:
                arrived.result(0.1)
            except StillWaitingError:
                continue
            assert answered(process, consumer.reader) == sums
            return " ".join(consumer.reader.warnings)
        return consumer.reader.trouble
    finally:
        consumer.stop()


def answered(process: Process, reader: SpeedReader) -> Sums:
    view = process.app.views["hourly"]
    reading = ViewReader(reader, process.generations).read(view, ViewQueries(view).read(b"limit=500"))
    rows = [(key, tile, view.present(cells)) for key, tile, cells in reading.rows]
    return {(key[0], iso(tile)): (row["n"], row["total"]) for key, tile, row in rows}


def by_log(process: Process, sums: Sums) -> str:
    """The whole log, cold and hot."""
    assert process.app, "loaded first, as every command does"
    rides = [s for found in read_through(process.log, Cut(), process.log.end()) for s in found if s.stream == "rides"]
    minutes = [record.data["minutes"] for segment in rides for record in segment.records()]
    assert (len(minutes), sum(minutes)) == total(sums)
    return ""


def by_sql(process: Process, sums: Sums) -> str:
    into = process.home.with_suffix(".csv")
    run_sql(process, "SELECT count(*) AS n, sum(minutes) AS total FROM events_rides", "csv", into, None)
    (row,) = csv.DictReader(into.read_text().splitlines())
    assert (int(row["n"]), float(row["total"])) == total(sums)
    return ""


def by_verify(process: Process, sums: Sums) -> str:
    report = verified(process)
    assert not any(verdict.wrong for verdict in report.verdicts)
    return " ".join([*report.damaged, *report.warnings])


def by_batch(process: Process, sums: Sums) -> str:
    outcome = batch(process)
    return " ".join(outcome.problems) + by_service(process, sums)


def by_full_batch(process: Process, sums: Sums) -> str:
    outcome = batch(process, full=True)
    return " ".join(outcome.problems) + by_service(process, sums)


def total(sums: Sums) -> tuple[int, float]:
    return sum(n for n, _ in sums.values()), sum(total for _, total in sums.values())


ROADS: dict[str, Callable[[Process, Sums], str]] = {
    road.__name__: road for road in (by_status, by_log, by_sql, by_verify, by_service, by_full_batch, by_batch)
}


SERVED = ("by_log", "by_service", "by_sql")
"""Roads that serve what there is where the log does not fit its store, which is told beside every answer."""


def misfit(process: Process) -> str:
    """Why nothing is accepted, as every answer of a service then says; nothing, where all fits."""
    assert process.app, "loaded first, as every command does"
    return "" if process.log.misfit is None else str(process.log.misfit)


def told(home: Path, sums: Sums, roads: Iterable[str]) -> dict[str, str]:
    """What each road says of damage; nothing, where all is right."""
    found = {}
    for name in roads:
        try:
            with opened(settings_of(home)) as process:
                found[name] = misfit(process) if name in SERVED else ""
                found[name] = found[name] or ROADS[name](process, sums)
        except AnabranchError as error:
            found[name] = str(error)
    return found


def assert_sound(found: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """One sentence each, and no traceback."""
    assert [what for what in found.values() if "\n" in what or "Traceback" in what] == []
    ours = [record for record in caplog.records if record.exc_info and record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in ours] == []


LAKE = ("by_log", "by_sql", "by_verify", "by_full_batch")
MUST_REFUSE = {
    "log": ("by_status", "by_log", "by_verify", "by_service"),
    "archived events": LAKE,
    "archived decisions": ("by_verify",),
    "newest commit": LAKE[1:],
    "manifest": ("by_status", "by_verify"),
    "table": ("by_verify",),
    "index": ("by_verify",),
    "training rows": ("by_batch",),
}
"""Who must not go on as if nothing were wrong; the others may, where they come by without it."""


def taken(kind: str, damage: Callable[[Path, Path], None], roads: tuple[str, ...]) -> tuple[str, ...]:
    """The roads of this case: all, or those that must refuse and some of the others, which the five damages share."""
    others = [road for road in roads if road not in MUST_REFUSE.get(kind, ())]
    share = -(-len(others) // len(DAMAGES))
    first = DAMAGES.index(damage) * share
    left_out = set() if settings.get_current_profile_name() == "long" else {*others} - {*others[first : first + share]}
    return tuple(road for road in roads if road not in left_out)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_named_or_does_no_harm(
    stopped: Path,
    lived: LivedHome,
    kind: str,
    damage: Callable[[Path, Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    where, roads = KINDS[kind]
    path = max(stopped.glob(where)) if isinstance(where, str) else where(stopped)
    damage(path, lived.older / path.relative_to(stopped))
    found = told(stopped, lived.sums, taken(kind, damage, roads))
    assert_sound(found, caplog)
    refused = {road: what for road, what in found.items() if what}
    if damage in (flipped, torn, emptied, removed) and (kind, damage) != ("log", flipped):
        assert set(MUST_REFUSE.get(kind, ())) <= refused.keys(), "damage went by unseen"
    names = (path.name, path.parent.name, "the log", "the lake", "generation")
    assert [what for what in refused.values() if not any(name in what for name in names)] == []


def test_a_home_that_is_as_it_was_left_is_right_by_every_road(
    stopped: Path, lived: LivedHome, caplog: pytest.LogCaptureFixture
) -> None:
    found = told(stopped, lived.sums, ROADS)
    assert_sound(found, caplog)
    assert {road: what for road, what in found.items() if what} == {}
