"""A disk that is full at any point of a batch run: it is said in a sentence, and the next run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from infra.composition import opened
from tests.hostile.homes import APPLICATION, Sums, post, ride, settings_of, sums_of
from tests.hostile.test_damaged_files import by_service, by_verify
from tests.service import Service

EVENTS = 3_000
can_mount = pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own is mounted by root alone")


def filled(home: Path) -> Sums:
    """A home with events, of which no batch run has seen any; returns what its views have to answer."""
    chance = Random(2)
    rides = [ride(chance, number) for number in range(EVENTS)]
    with opened(settings_of(home)) as process:
        post(process, rides)
    return sums_of(rides)


def run(home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.cli", "batch", "run", str(APPLICATION), "--home", str(home)]
    environment = {**os.environ, "ANABRANCH_WORKERS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def assert_told(ended: subprocess.CompletedProcess[str]) -> None:
    """It failed with a sentence, which is its last line."""
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("anabranch: "), ended.stderr


def assert_goes_on(home: Path, sums: Sums) -> None:
    ended = run(home)
    assert ended.returncode == 0, ended.stderr
    with opened(settings_of(home)) as process:
        assert by_verify(process, sums) == ""
        by_service(process, sums)


@contextmanager
def disk(folder: Path, kib: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@can_mount
def test_a_disk_that_is_full_at_any_point_of_the_first_run_blocks_no_later_one(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 8_000) as folder:
        home = folder / "home"
        sums = filled(home)
        failed = 0
        for free_kib in (16, 150, 200, 230, 300):
            _leave_free(folder, free_kib)
            ended = run(home)
            (folder / "ballast").unlink()
            if ended.returncode:
                assert_told(ended)
                failed += 1
        assert failed >= 4, "the disk must be full at several stages"
        assert_goes_on(home, sums)


@can_mount
def test_a_service_on_a_full_disk_refuses_events_reads_on_and_takes_them_when_there_is_room(tmp_path: Path) -> None:
    chance = Random(3)
    rides = [ride(chance, number) for number in range(4_000)]
    with disk(tmp_path / "disk", 12_000) as folder:
        service = Service(APPLICATION, folder / "home")
        service.output = tmp_path / "output"
        try:
            service.start()
            taken = service.post("rides", rides[:1_000])["position"]
            _leave_free(folder, 4)
            refused = service.client.post("/v1/streams/rides/events", json=rides[1_000:])
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True), refused.text
            assert refused.json()["type"] == "urn:anabranch:problem:log-unavailable"
            assert totals(service, taken) == sums_of(rides[:1_000]), "reads go on"
            (folder / "ballast").unlink()
            assert service.post("rides", rides[1_000:])["accepted"] == 3_000, "nothing of it was half-written"
            assert totals(service, service.client.get("/readyz").json()["log_end"]) == sums_of(rides)
        finally:
            service.close()


def totals(service: Service, after: str) -> Sums:
    return {(row["station"], row["tile"]): (row["n"], row["total"]) for row in service.rows("hourly", after)}


def _leave_free(folder: Path, kib: int) -> None:
    """Fill a disk but for a few pages."""
    found = os.statvfs(folder)
    with (folder / "ballast").open("wb") as ballast:
        ballast.write(bytes(found.f_bavail * found.f_frsize - kib * 1024))
