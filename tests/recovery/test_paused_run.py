"""A batch run that is paused for longer than its lease lives, at any step, does no harm when it goes on.

The processes and their signals are real; the successor's clock is ahead by more than the lease, instead of a wait.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from eventlog.decisions import publications
from eventlog.errors import LogUnavailableError
from infra.composition import Process, opened
from infra.settings import Settings
from tests.recovery.conftest import APPLICATION, assert_exact, rides
from tests.service import Service

ROOT = Path(__file__).parent.parent.parent
EVENTS = rides(Random(7), 0, 600)
AHEAD_SECONDS = 90.0
"""More than the minute that a lease lives without a renewal."""
BEFORE = ("archive", "merge", "publish", "manifest", "marker")
AFTER = ("marked", "trim", "removal")


@contextmanager
def process_of(home: Path) -> Iterator[Process]:
    with opened(Settings.load(app=str(APPLICATION), home=home)) as process:
        yield process


def begun(home: Path, point: str, ahead_seconds: float = 0.0) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.recovery.pausing_run", str(APPLICATION), str(home), point]
    return subprocess.Popen(
        [*words, str(ahead_seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )


@contextmanager
def paused(home: Path, point: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has stopped at a point."""
    run = begun(home, point)
    try:
        _, status = os.waitpid(run.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise AssertionError(f"it did not stop at {point}: {run.communicate()[0]}")
        yield run
    finally:
        run.kill()
        run.communicate()


def went_on(run: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and the output of a run that was paused."""
    run.send_signal(signal.SIGCONT)
    output, _ = run.communicate(timeout=240)
    return run.returncode, output


def succeeded(home: Path) -> None:
    run = begun(home, "nowhere", AHEAD_SECONDS)
    output, _ = run.communicate(timeout=240)
    assert run.returncode == 0, output


def names_in(home: Path) -> set[str]:
    with process_of(home) as process:
        kept = ("blobs", "generations", "lake")
        return {listed.name for folder in kept for listed in process.store.list(folder)}


def assert_sound(home: Path, generations: int) -> None:
    """Everything that the log names is there, and what would be served is what the log amounts to."""
    with process_of(home) as process:
        known = publications(process.log)
        assert [publication.generation for publication in known] == list(range(generations, 0, -1))
        for publication in known[:3]:
            assert process.can_serve(publication), process.problems
    words = [sys.executable, "-m", "infra.cli", "verify", str(APPLICATION), "--home", str(home)]
    verified = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with events, and one generation of the first half of them."""
    home = tmp_path_factory.mktemp("lived") / "home"
    service = Service(APPLICATION, home)
    service.start()
    try:
        service.post("rides", EVENTS[:300])
        assert service.batch().wait(240) == 0, service.output.read_text()
        service.post("rides", EVENTS[300:])
    finally:
        service.close()
    return home


@pytest.fixture
def home(lived: Path, tmp_path: Path) -> Path:
    """The same, with a blob that nobody names, and everything older than a day: what is not needed is removed."""
    home = tmp_path / "home"
    shutil.copytree(lived, home)
    (home / "blobs" / ("0" * 64)).write_bytes(b"of a run that was killed")
    two_days_ago = time.time() - 2 * 86_400
    for folder in ("blobs", "generations"):
        for path in (home / folder).iterdir():
            os.utime(path, (two_days_ago, two_days_ago))
    return home


@pytest.mark.parametrize("point", BEFORE)
def test_a_run_that_was_overtaken_publishes_nothing_and_removes_nothing(home: Path, point: str) -> None:
    with paused(home, point) as run:
        succeeded(home)
        before = names_in(home)
        code, output = went_on(run)
    assert code == 1, output
    assert "lease" in output
    assert before <= names_in(home)
    assert_sound(home, generations=2)


@pytest.mark.parametrize("point", AFTER)
def test_a_run_that_was_overtaken_behind_its_publication_has_published_and_removes_nothing(
    home: Path, point: str
) -> None:
    with paused(home, point) as run:
        succeeded(home)
        before = names_in(home)
        code, output = went_on(run)
    assert code == 0, output
    assert "published generation 2" in output
    assert before <= names_in(home)
    assert f"blobs/{'0' * 64}" not in before
    assert_sound(home, generations=3)


def can_be_written(home: Path) -> bool:
    """Whether what was stopped did not stop in the middle of a transaction, with SQLite's lock in its hand."""
    try:
        with process_of(home) as process, process.database.write() as connection:
            connection.execute(text("SELECT 1"))
    except LogUnavailableError:
        return False
    return True


def stopped(process: subprocess.Popen[Any], home: Path) -> None:
    """Stop it from outside, wherever it is but in a transaction."""
    while True:
        process.send_signal(signal.SIGSTOP)
        if can_be_written(home):
            return
        process.send_signal(signal.SIGCONT)


def test_the_command_paused_from_outside_ends_with_its_code_when_it_was_overtaken(home: Path) -> None:
    service = Service(APPLICATION, home)
    command = service.batch()
    try:
        with process_of(home) as process:
            while not any(run.stage in ("archive", "fold", "merge") for run in process.runs.list(1)):
                assert command.poll() is None, service.output.read_text()
        stopped(command, home)
        succeeded(home)
        before = names_in(home)
        command.send_signal(signal.SIGCONT)
        code = command.wait(240)
    finally:
        command.kill()
        command.wait()
        service.close()
    assert code == 1, service.output.read_text()
    assert before <= names_in(home)
    assert_sound(home, generations=2)


def test_a_paused_service_goes_on_where_it_was_over_all_that_happened_meanwhile(home: Path, tmp_path: Path) -> None:
    service = Service(APPLICATION, home)
    service.start()
    try:
        assert service.process is not None
        stopped(service.process, home)
        try:
            for _ in range(2):
                assert service.batch().wait(240) == 0, service.output.read_text()
        finally:
            service.process.send_signal(signal.SIGCONT)
        after = service.client.get("/readyz").json()["log_end"]
        assert_exact(service, EVENTS, after)
        assert service.client.get("/v1/views/ever").json()["generation"] == 3
    finally:
        service.close()
