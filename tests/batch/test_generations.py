from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from batch.errors import CorruptGenerationError
from batch.generations import Generations
from batch.manifest import name_of, written
from tests.batch.conftest import Home
from tests.batch.rides import rides
from tests.generation_files import file_of, view_file


def test_one_that_is_open_is_there_at_once_while_another_is_checked(home: Home) -> None:
    """The index of generation 2 is a pipe: to check it takes until somebody closes the other end."""
    for _ in range(2):
        home.post("rides", rides(20))
        home.run()
    said = home.open(2).manifest
    layer = next(iter(said["views"].values()))["layers"][0]
    layer["index"] = {"bytes": 0, "sha256": "0" * 64}
    pipe = file_of(home.path, layer["index"])
    os.mkfifo(pipe)
    raw, sha256 = written(said)
    second = replace(home.publication(2), manifest_sha256=sha256)
    (home.path / name_of(second)).write_bytes(raw)
    generations = Generations(home.blobs)
    first = generations.get(home.publication(1))
    refused: list[str] = []

    def check() -> None:
        with pytest.raises(CorruptGenerationError) as error:
            generations.get(second)
        refused.append(str(error.value))

    checking = threading.Thread(target=check)
    checking.start()
    with pipe.open("wb"):  # returns once the other end is read
        reading = threading.Thread(target=lambda: generations.get(first.publication), daemon=True)
        reading.start()
        reading.join(30)
        assert not reading.is_alive()
        assert checking.is_alive()
    checking.join()
    assert generations.get(home.publication(1)) is first
    assert pipe.name in refused[0]
    generations.close()


def test_what_is_held_can_be_read_on_by_threads_that_never_did_when_its_files_are_gone(home: Home) -> None:
    home.post("rides", rides(100))
    home.run()
    generations = Generations(home.blobs)
    generation = generations.get(home.publication(1))
    view = home.app.views["in_sql"]
    generation.hold(home.app.views.values())
    rmtree(home.path / "blobs")
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
    generations = Generations(home.blobs)
    generation = generations.get(home.publication(1))
    for _ in range(20):
        thread = threading.Thread(target=lambda: list(generation.tiles(home.app.views["in_sql"])))
        thread.start()
        thread.join()
    index = view_file(home.path, 1, "in_sql").resolve()
    opened = [fd for fd in Path("/proc/self/fd").iterdir() if _target(fd) == index]
    assert len(opened) <= 2
    generations.close()


def _target(fd: Path) -> Path | None:
    try:
        return fd.readlink()
    except OSError:
        return None
