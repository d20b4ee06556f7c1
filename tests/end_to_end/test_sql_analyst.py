"""A concurrent analyst: another process reads the published file while everything goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.analyst import until
from tests.end_to_end.conftest import APPLICATION, ride
from tests.service import Service
from tests.tries import tries

REPLACEMENTS = tries(30, 100)


@contextmanager
def served(home: Path, refresh: str) -> Iterator[Service]:
    service = Service(APPLICATION, home, ANABRANCH_SLICE_RECORDS="1000", ANABRANCH_ANALYTICS_REFRESH=refresh)
    service.start()
    try:
        yield service
    finally:
        service.close()


class Analyst:
    """The other process, at work since it was made."""

    def __init__(self, service: Service):
        self.file = service.home / "analytics.duckdb"
        self._stop = service.home.with_name("stop")
        until(self.file.exists, 60)
        program = [sys.executable, "-m", "tests.end_to_end.analyst", str(self.file), str(self._stop)]
        self._process = subprocess.Popen(program, stdout=subprocess.PIPE)

    def version(self) -> tuple[int, int]:
        """Differs whenever the file was replaced."""
        found = self.file.stat()
        return found.st_ino, found.st_mtime_ns

    def seen(self) -> dict[str, Any]:
        """End it; what it saw."""
        self._stop.touch()
        output, _ = self._process.communicate(timeout=60)
        seen: dict[str, Any] = json.loads(output)
        return seen


def test_the_file_is_replaced_again_and_again_under_an_analyst_s_hands(tmp_path: Path) -> None:
    began = time.monotonic()
    with served(tmp_path / "home", "200ms") as service:
        service.post("rides", [ride(n) for n in range(50)])
        analyst = Analyst(service)
        versions = {analyst.version()}
        running: subprocess.Popen[bytes] | None = None
        runs = posted = 0
        while len(versions) <= REPLACEMENTS or runs < 3:
            service.post("rides", [ride(50 + posted * 10 + n) for n in range(10)])
            posted += 1
            versions.add(analyst.version())
            if running is None and runs < 3:
                running = service.batch()
            elif running is not None and running.poll() is not None:
                assert running.poll() == 0, service.output.read_text()
                running, runs = None, runs + 1
        end = service.client.get("/readyz").json()["log_end"]
        counted = "SELECT count(*) FROM events_rides"
        answer = service.client.post("/v1/sql", json={"sql": counted}, params={"after": end}).json()
        assert answer["rows"] == [[50 + posted * 10]]
        seen = analyst.seen()
    assert seen["errors"] == []
    assert seen["opened"] > 20
    assert seen["cuts"] > 10
    assert 50 < seen["events"] <= 50 + posted * 10
    left = [path for path in (tmp_path / "home" / "analytics").rglob("*") if path.is_file()]
    snapshots = [path for path in left if path.match("snapshot-*.duckdb")]
    assert len(snapshots) < 5 + (time.monotonic() - began) / 0.1, "only published ones stay: two a refresh at most"
    assert len(left) < 15 * len(snapshots), "files go when nobody can need them"


def test_the_file_is_never_older_than_promised(tmp_path: Path) -> None:
    with served(tmp_path / "home", "5s") as service:
        service.post("rides", [ride(n) for n in range(50)])
        analyst = Analyst(service)
        versions = {analyst.version()}
        posted = 0
        running = service.batch()
        while len(versions) < 4:
            service.post("rides", [ride(50 + posted * 10 + n) for n in range(10)])
            posted += 1
            versions.add(analyst.version())
        assert running.wait(300) == 0
        seen = analyst.seen()
    assert seen["errors"] == []
    assert seen["oldest"] <= 5.0


def test_what_was_opened_long_ago_can_still_be_read(tmp_path: Path) -> None:
    import duckdb

    with served(tmp_path / "home", "200ms") as service:
        service.post("rides", [ride(n) for n in range(50)])
        assert service.batch().wait(300) == 0
        service.post("rides", [ride(n) for n in range(50, 60)])
        file = service.home / "analytics.duckdb"
        until(file.exists, 60)
        with duckdb.connect(file, read_only=True) as connection:
            query = "SELECT (SELECT count(*) FROM events_rides), (SELECT sum(n) FROM view_hourly)"
            before = connection.execute(query).fetchall()
            for run in range(4):  # more than generations are kept
                service.post("rides", [ride(100 * run + n) for n in range(100, 160)])
                assert service.batch().wait(300) == 0
            assert connection.execute(query).fetchall() == before
