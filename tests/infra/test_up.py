"""What `up` refuses before it serves anybody, and that a home and an address are each for one process."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.composition import opened
from infra.errors import UsageError
from infra.service_client import LOCK
from infra.settings import Settings
from infra.up import check_exposure, scheduler_of

ROOT = Path(__file__).parents[2]
APP = """
from pydantic import BaseModel
from anabranch import App
app = App("notes")
class Note(BaseModel):
    text: str
notes = app.stream("notes", Note)
"""


@pytest.fixture
def application(tmp_path: Path) -> str:
    path = tmp_path / "notes.py"
    path.write_text(APP)
    return str(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_what_only_this_machine_can_reach_needs_no_key(host: str) -> None:
    check_exposure(Settings.load(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org"])
def test_what_others_can_reach_needs_one(host: str) -> None:
    with pytest.raises(UsageError, match="ANABRANCH_API_KEY"):
        check_exposure(Settings.load(host=host))
    check_exposure(Settings.load(host=host, api_key="river"))


def refused(application: str, home: Path, port: int = 0) -> str:
    """What `anabranch up` says when it does not begin to serve."""
    command = [sys.executable, "-m", "infra.cli", "up", application, "--home", str(home), "--port", str(port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_home_that_another_process_serves_is_left_alone_and_it_is_said_who_does(
    application: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with (home / LOCK).open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.write("pid 7, http://127.0.0.1:8123\n")
        held.flush()
        assert "pid 7, http://127.0.0.1:8123" in refused(application, home)
        assert (home / LOCK).read_text() == "pid 7, http://127.0.0.1:8123\n"


def test_an_address_that_is_taken_is_told_with_what_to_do(application: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "pass another --port" in refused(application, tmp_path / "home", taken.getsockname()[1])


def test_batch_runs_are_due_only_where_the_settings_say_when(application: str, tmp_path: Path) -> None:
    with opened(Settings.load(app=application, home=tmp_path / "a")) as process:
        assert scheduler_of(process) is None
    with opened(Settings.load(app=application, home=tmp_path / "b", batch_cron="30 2 * * *")) as process:
        scheduler = scheduler_of(process)
        assert scheduler is not None
        assert scheduler.next_run > process.clock()
