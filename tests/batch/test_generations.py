from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from batch.errors import CorruptGenerationError
from batch.generation import MANIFEST
from batch.generations import Generations
from tests.batch.conftest import Home
from tests.batch.rides import rides


def test_one_that_is_open_is_there_at_once_while_another_is_checked(home: Home) -> None:
    """The index of generation 2 is a pipe: to check it takes until somebody closes the other end."""
    for _ in range(2):
        home.post("rides", rides(20))
        home.run()
    manifest = home.generations / "2" / MANIFEST
    said = json.loads(manifest.read_bytes())
    file = next(iter(said["views"].values()))["files"]["index"]
    file["bytes"] = 0
    pipe = manifest.parent / file["path"]
    pipe.unlink()
    os.mkfifo(pipe)
    manifest.write_text(json.dumps(said))
    generations = Generations(home.generations)
    first = generations.get(1)
    refused: list[str] = []

    def check() -> None:
        with pytest.raises(CorruptGenerationError) as error:
            generations.get(2)
        refused.append(str(error.value))

    checking = threading.Thread(target=check)
    checking.start()
    with pipe.open("wb"):  # returns once the other end is read
        reading = threading.Thread(target=lambda: generations.get(1), daemon=True)
        reading.start()
        reading.join(30)
        assert not reading.is_alive()
        assert checking.is_alive()
    checking.join()
    assert generations.get(1) is first
    assert pipe.name in refused[0]
    generations.close()


def test_a_generation_that_was_removed_can_be_read_on_by_threads_that_never_did(home: Home) -> None:
    home.post("rides", rides(100))
    home.run()
    generations = Generations(home.generations)
    generation = generations.get(1)
    view = home.app.views["in_sql"]
    generation.hold(home.app.views.values())
    generations.remove_but(set())
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(list(generation.tiles(view))))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [generation.rows(view)] * 4
    generations.close()


def test_threads_that_come_and_go_leave_no_file_open(home: Home) -> None:
    home.post("rides", rides(100))
    home.run()
    generations = Generations(home.generations)
    generation = generations.get(1)
    for _ in range(20):
        thread = threading.Thread(target=lambda: list(generation.tiles(home.app.views["in_sql"])))
        thread.start()
        thread.join()
    index = generation.path(home.app.views["in_sql"], "index").resolve()
    opened = [fd for fd in Path("/proc/self/fd").iterdir() if _target(fd) == index]
    assert len(opened) <= 2
    generations.close()


def _target(fd: Path) -> Path | None:
    try:
        return fd.readlink()
    except OSError:
        return None
