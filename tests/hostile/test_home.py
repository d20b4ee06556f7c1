"""What lies in the home is nobody's business but its owner's."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.home import masked
from tests.end_to_end.conftest import rides
from tests.hostile.conftest import APPLICATION, Start


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """That of most systems, under which everybody may read what anybody writes."""
    with masked(0o022):
        yield


def open_to_others(folder: Path) -> dict[str, str]:
    """The mode of whatever in a folder gives others any right."""
    found = {path: path.lstat().st_mode for path in [folder, *folder.rglob("*")] if not path.is_symlink()}
    return {str(path): oct(stat.S_IMODE(mode)) for path, mode in found.items() if mode & 0o077}


def test_a_home_and_all_that_is_made_in_it_is_its_owners_alone(start: Start) -> None:
    from random import Random

    service = start(ANABRANCH_API_KEY="river", ANABRANCH_ANALYTICS_REFRESH="1s", ANABRANCH_CHECKPOINT_SECONDS="1")
    service.post("rides", rides(Random(1), 0, 500))
    assert service.batch().wait() == 0
    service.post("rides", rides(Random(2), 500, 500))
    assert service.client.post("/v1/sql", json={"sql": "SELECT count(*) FROM events_rides"}).status_code == 200
    service.client.post("/login", content="key=river", headers={"Content-Type": "application/x-www-form-urlencoded"})
    service.stop()

    assert {"log.db", "checkpoints", "generations", "lake", "analytics", "sessions.json", "up.lock"} <= {
        path.name for path in service.home.iterdir()
    }
    assert open_to_others(service.home) == {}


def test_a_home_that_an_earlier_release_left_open_is_closed(start: Start) -> None:
    service = start()
    service.stop()
    service.home.chmod(0o755)
    for path in service.home.iterdir():
        path.chmod(0o755 if path.is_dir() else 0o644)

    service.start()

    assert stat.S_IMODE(service.home.stat().st_mode) == 0o700
    assert not [path for path in service.home.iterdir() if path.stat().st_mode & 0o077]
    assert "was open to other users" in service.output.read_text()


def test_a_shared_folder_is_told_and_not_taken_from_the_others(tmp_path: Path, start: Start) -> None:
    shared = tmp_path / "home"
    shared.mkdir(mode=0o755)
    (shared / "letter.txt").write_text("another program's")

    service = start()
    service.stop()

    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert "is open to other users" in service.output.read_text()
    ours = [path for path in shared.iterdir() if path.name != "letter.txt"]
    assert ours
    assert not [path for path in ours if path.stat().st_mode & 0o077]


def test_what_a_user_asks_for_elsewhere_has_the_rights_that_the_user_gives(start: Start, tmp_path: Path) -> None:
    service = start()
    output, copied = tmp_path / "output.csv", tmp_path / "copied.csv"
    for words in (
        ["SELECT 1 AS a", "--format", "csv", "--output", str(output)],
        [f"COPY (SELECT 1 AS a) TO '{copied}'"],
    ):
        command = service.command("sql", words[0], str(APPLICATION), *words[1:])
        subprocess.run(command, check=True, env=os.environ)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (output, copied)] == [0o644, 0o644]
