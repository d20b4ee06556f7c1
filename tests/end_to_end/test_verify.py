"""``anabranch verify`` proves what is right, and finds what is not."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.end_to_end.conftest import APPLICATION, rides
from tests.generation_files import view_file
from tests.service import Service


def verified(service: Service) -> subprocess.CompletedProcess[str]:
    command = service.command("verify", str(service.application))
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one generation and events behind it, whose service was stopped."""
    chance = Random(7)
    home = tmp_path_factory.mktemp("lived") / "home"
    with Service(APPLICATION, home, ANABRANCH_SLICE_RECORDS="1000") as service:
        service.post("rides", rides(chance, 0, 1_500))
        service.post("clicks", [{"page": chance.choice(["ab", "bc", ""]), "size": n} for n in range(200)])
        assert service.batch().wait(120) == 0, service.output.read_text()
        service.post("rides", rides(chance, 1_500, 700))
    return home


@pytest.fixture
def lived(service: Service, home: Path) -> Service:
    """A service of one's own on a copy of it, which is not started."""
    shutil.copytree(home, service.home)
    return service


def test_what_is_served_is_right_with_a_service_and_without_one(lived: Service) -> None:
    lived.start()
    for _ in range(2):
        done = verified(lived)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "generation 1" in done.stdout
        assert {line.split()[0] for line in done.stdout.splitlines()[2:]} == {
            "hourly", "recent", "ever", "long", "letters",
        }  # fmt: skip
        lived.stop()


def test_an_answer_that_is_wrong_is_found_and_named(lived: Service) -> None:
    """The hot log is changed behind the back of the generation: what it counted is not what the log holds."""
    with sqlite3.connect(lived.home / "log.db") as database:
        (data,) = database.execute("SELECT data FROM segments WHERE offset = 0").fetchone()
        first, rest = data.split(b"\n", 1)
        event = json.loads(first.removeprefix(b"[").removesuffix(b","))
        # not the last record of a file of the lake: by that a log is known that does not fit
        changed = b"[" + json.dumps({**event, "station": "D"}).encode() + b",\n" + rest
        # without its checksum, as rows of earlier releases are: the log itself would refuse the row
        database.execute("UPDATE segments SET data = ?, checksum = NULL WHERE offset = 0", (changed,))
    database.close()
    done = verified(lived)
    assert done.returncode == 1
    assert "wrong" in done.stdout
    assert "'station': 'D'" in done.stdout


def test_a_damaged_file_of_the_generation_is_named(lived: Service) -> None:
    file = view_file(lived.home, 1, "ever")
    content = bytearray(file.read_bytes())
    content[-1] ^= 0xFF
    Path(file).write_bytes(content)
    done = verified(lived)
    assert done.returncode == 1
    assert "the index of view 'ever' of generation 1 is damaged" in done.stdout
    assert "wrong" not in done.stdout


def test_an_empty_log_verifies(service: Service) -> None:
    done = verified(service)
    assert done.returncode == 0, done.stdout + done.stderr


def test_status_tells_cuts_and_generation(lived: Service) -> None:
    lived.start()
    command = lived.command("status", str(lived.application), "--port", str(lived.port))
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1, covers everything before 0:1700" in shown
    assert f":{lived.port}" in shown
    lived.stop()
    gone = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "none at" in gone
    assert "checkpoint" in gone
