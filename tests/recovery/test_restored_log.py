"""The database of the log, or the store, is put back from an older copy: nothing is accepted, nothing is lost.

After each of these every event that was acknowledged is there once, and `verify` passes.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from sqlalchemy import create_engine, inspect, text

from anabranch.instant import instant_us
from eventlog import Append
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from tests.recovery.conftest import APPLICATION, assert_exact, on_either_database, rides
from tests.service import Service


class Copy:
    """A copy of the database of a service that stands still, which can be put back."""

    def __init__(self, service: Service, folder: Path):
        self.service = service
        self.folder = folder
        self.url = service.environment.get("ANABRANCH_DATABASE")
        if self.url is None:
            folder.mkdir()
            for path in service.home.glob("log.db*"):
                shutil.copy2(path, folder / path.name)
        else:
            self._each(
                "CREATE TABLE kept.{0} AS TABLE public.{0}", "DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept"
            )

    def put_back(self) -> None:
        if self.url is None:
            for path in self.service.home.glob("log.db*"):
                path.unlink()
            for path in self.folder.iterdir():
                shutil.copy2(path, self.service.home / path.name)
        else:
            self._each("TRUNCATE public.{0}; INSERT INTO public.{0} SELECT * FROM kept.{0}", "SELECT 1")

    def _each(self, statement: str, first: str) -> None:
        assert self.url is not None
        engine = create_engine(self.url)
        with engine.begin() as connection:
            for part in first.split(";"):
                connection.execute(text(part))
            for table in inspect(connection).get_table_names(schema="public"):
                for part in statement.format(table).split(";"):
                    connection.execute(text(part))
        engine.dispose()


@pytest.fixture
def put_back(service: Service, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Puts back the database as it was after 15 rides, when there are 30, of which none is but in the log.

    The first 15 and then all were archived.
    """
    events = rides(Random(1), 0, 30)
    service.environment["ANABRANCH_WORKERS"] = "1"
    service.start()
    service.post("rides", events[:15])
    assert service.batch().wait() == 0
    service.stop()
    copy = Copy(service, tmp_path / "copy")
    service.start()
    service.post("rides", events[15:])
    assert service.batch().wait() == 0, service.output.read_text()
    service.stop()
    yield copy.put_back
    if copy.url is not None:
        copy._each("SELECT 1", "DROP SCHEMA IF EXISTS kept CASCADE")


def run(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        service.command(*words), env=service.environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def restored(service: Service) -> str:
    ended = run(service, "restore", str(APPLICATION), "--yes")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def assert_whole(service: Service, events: list[dict[str, Any]]) -> None:
    """Every event is there once, by every road."""
    service.start()
    end = service.client.get("/readyz").json()["log_end"]
    assert_exact(service, events, end)
    found = sorted(event["id"] for event in service.events("rides"))
    assert found == sorted(event["ride_id"] for event in events)
    again = service.post("rides", events)
    assert (again["accepted"], again["duplicates"]) == (0, len(events))
    assert service.batch().wait() == 0, service.output.read_text()
    service.stop()
    assert run(service, "verify", str(APPLICATION)).returncode == 0


@on_either_database
def test_a_log_from_an_older_copy_takes_nothing_and_has_everything_once_it_is_restored(
    service: Service, put_back: Callable[[], None]
) -> None:
    put_back()
    service.start(ready=False)
    refused = service.client.post("/v1/streams/rides/events", json=rides(Random(2), 100, 1))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:anabranch:problem:read-only")
    assert refused.json()["since"] == "0:17"
    assert "anabranch restore" in refused.json()["detail"]
    for path in ("/v1/batch/runs", "/v1/streams/rides/rejected/1/retry"):
        assert service.client.post(path).status_code in (404, 503)
    ready = service.client.get("/readyz").json()
    assert "the log ends at 0:17" in ready["detail"]
    assert ready["lag_seconds"] > 0, "an idle log that lacks records is not up to date"
    assert len(service.rows("ever", "0:17")) == 3, "reads are answered"
    assert "anabranch_read_only 1.0" in service.client.get("/metrics").text
    assert run(service, "restore", str(APPLICATION), "--yes").returncode == 1, "a service runs on the home"
    service.stop()
    assert "the log ends at 0:17" in run(service, "status", "--port", str(service.port)).stdout.replace("\n", " ")
    for words in (["batch", "run", str(APPLICATION)], ["verify", str(APPLICATION)]):
        assert run(service, *words).returncode == 1
    shown = run(service, "restore", str(APPLICATION))
    assert (shown.returncode, "0:17 to before 0:32" in shown.stdout) == (1, True)
    restored(service)
    assert "nothing to do" in restored(service)
    assert_whole(service, rides(Random(1), 0, 30))


@on_either_database
def test_what_an_earlier_release_took_meanwhile_is_there_too(service: Service, put_back: Callable[[], None]) -> None:
    put_back()
    events = rides(Random(1), 0, 45)
    url = service.environment.get("ANABRANCH_DATABASE") or f"sqlite:///{service.home / 'log.db'}"
    database = Database(url)
    log = SqlLog(database)  # without the look at the store that every process takes now
    ids: list[str | None] = [event["ride_id"] for event in events[20:]]  # some were sent again
    times: list[int | None] = [instant_us(event["at"]) for event in events[20:]]
    stations: list[str | None] = [event["station"] for event in events[20:]]
    log.append(Append("rides", ids, stations, times, [orjson.dumps(event) for event in events[20:]]))
    log.close()
    database.close()
    service.start(ready=False)
    assert "the log has another record" in service.client.get("/readyz").json()["detail"]
    service.stop()
    told = restored(service)
    assert "5 were appended behind, 10 are there already by their ids" in " ".join(told.split())
    assert_whole(service, events)


def test_a_restore_that_is_killed_goes_on_when_it_is_asked_again(
    service: Service, put_back: Callable[[], None]
) -> None:
    put_back()
    environment = {**service.environment, "PYTHONUNBUFFERED": "1"}
    for line in ("the log ends at", "come back from the lake"):  # before it, and amid it
        killed = subprocess.Popen(
            service.command("restore", str(APPLICATION), "--yes"), env=environment, stdout=subprocess.PIPE, text=True
        )
        assert killed.stdout is not None
        assert any(line in told for told in killed.stdout)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    restored(service)
    assert_whole(service, rides(Random(1), 0, 30))


def test_a_log_that_is_put_back_twice_is_restored_twice(service: Service, put_back: Callable[[], None]) -> None:
    for _ in range(2):
        put_back()
        restored(service)
    assert_whole(service, rides(Random(1), 0, 30))


def test_a_log_that_was_lost_altogether_comes_back_out_of_the_lake(
    service: Service, put_back: Callable[[], None]
) -> None:
    for path in service.home.glob("log.db*"):
        path.unlink()
    assert "the empty log takes the place of the log" in " ".join(restored(service).split())
    assert_whole(service, rides(Random(1), 0, 30))


def test_of_two_homes_on_one_database_only_that_with_the_archive_is_served(postgresql_url: str, tmp_path: Path) -> None:
    first, second = (
        Service(APPLICATION, tmp_path / name, ANABRANCH_DATABASE=postgresql_url, ANABRANCH_WORKERS="1")
        for name in ("first", "second")
    )
    events = rides(Random(1), 0, 15)
    try:
        first.start()
        first.post("rides", events)
        assert first.batch().wait() == 0
        second.start(ready=False)
        assert "archived in another store" in second.client.get("/readyz").json()["detail"]
        assert second.client.post("/v1/streams/rides/events", json=events).status_code == 503
        second.stop()
        for words in (["batch", "run", str(APPLICATION)], ["restore", str(APPLICATION)]):
            ended = run(second, *words)
            assert ended.returncode == 1
            assert "another store" in ended.stdout + ended.stderr
        second.environment["ANABRANCH_STORE"] = str(first.home)
        second.start()
        assert_exact(second, events, "0:15")
        assert second.post("rides", events)["duplicates"] == 15
    finally:
        first.close()
        second.close()


def test_a_store_of_another_log_is_refused(service: Service, put_back: Callable[[], None], tmp_path: Path) -> None:
    other = Service(APPLICATION, tmp_path / "other", ANABRANCH_WORKERS="1")
    try:
        other.start()
        other.post("rides", rides(Random(3), 0, 5))
        other.stop()
        other.environment["ANABRANCH_STORE"] = str(service.home)
        other.start(ready=False)
        assert "belongs to the log" in other.client.get("/readyz").json()["detail"]
        other.stop()
        assert run(other, "restore", str(APPLICATION), "--yes").returncode == 1
    finally:
        other.close()
