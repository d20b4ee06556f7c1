"""Broken files are detected, named and recovered from; they are never served."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.generation_files import view_file
from tests.recovery.conftest import APPLICATION, OFTEN, assert_exact, rides
from tests.service import Service


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 0xFF
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def of_an_earlier_release(path: Path) -> None:
    content = path.read_bytes()
    header = json.loads(content[:512])
    del header["mac"]
    header["format"] = "anabranch checkpoint 3"
    path.write_bytes(json.dumps(header).encode().ljust(511) + b"\n" + content[512:])


def of_another_home(path: Path) -> None:
    (path.parent.parent / "key").write_text("0" * 64)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], str]:
    """The home of a service that has two generations, a checkpoint and a tail, and was stopped; with its events."""
    chance = Random(5)
    path = tmp_path_factory.mktemp("lived") / "home"
    events: list[dict[str, Any]] = []
    position = ""
    with Service(APPLICATION, path, **OFTEN) as service:
        for _ in range(3):
            more = rides(chance, len(events), 900)
            events += more
            position = service.post("rides", more)["position"]
            if len(events) < 2_700:
                assert service.batch().wait(120) == 0, service.output.read_text()
        assert_exact(service, events, position)
    return path, events, position


@pytest.fixture
def lived(service: Service, home: tuple[Path, list[dict[str, Any]], str]) -> tuple[Service, list[dict[str, Any]], str]:
    """A service of one's own on a copy of it, which is not started."""
    path, events, position = home
    shutil.copytree(path, service.home)
    return service, events, position


@pytest.mark.parametrize("damage", [torn, altered, empty, of_an_earlier_release, of_another_home])
def test_a_broken_checkpoint_is_named_and_the_state_rebuilt(lived: Any, damage: Callable[[Path], None]) -> None:
    service, events, position = lived
    for path in (service.home / "checkpoints").glob("*.checkpoint"):
        damage(path)
    service.start()
    assert_exact(service, events, position)
    assert ".checkpoint" in service.output.read_text()


@pytest.mark.parametrize("damage", [torn, altered, empty, Path.unlink])
def test_a_broken_generation_file_is_named_and_never_served(lived: Any, damage: Callable[[Path], None]) -> None:
    service, events, position = lived
    broken = view_file(service.home, 2, "hourly")
    damage(broken)
    service.start()
    assert_exact(service, events, position)
    answer = service.client.get("/v1/views/hourly").json()
    assert answer["generation"] == 1
    assert broken.name in service.output.read_text()
    assert service.batch().wait(120) == 0
    assert_exact(service, events, position)


def test_with_every_generation_and_checkpoint_gone_the_log_is_enough(lived: Any) -> None:
    service, events, position = lived
    for path in [*service.home.glob("generations/*.json"), *service.home.glob("checkpoints/*")]:
        empty(path)
    service.start()
    assert_exact(service, events, position)
    assert service.client.get("/v1/views/ever").json()["generation"] is None
    assert service.batch().wait(120) == 0
    assert_exact(service, events, position)


def test_a_generation_broken_while_it_is_published_leaves_its_events_in_the_epochs(lived: Any) -> None:
    service, events, position = lived
    assert service.batch().wait(120) == 0
    altered(view_file(service.home, 3, "ever"))
    service.start()
    assert_exact(service, events, position)
    assert service.client.get("/v1/views/ever").json()["generation"] == 2
