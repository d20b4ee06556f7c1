"""What a body unpacks to is bounded, whatever its size: found while it is read, not when it is too late."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from eventlog.intake.door import EVENT_BYTES
from serving.http.posting import WORK_FOLD
from tests.hostile.bodies import ACCEPTED, REFUSED, REJECTED
from tests.hostile.measured import LIMITS


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By name, what became of each body; all are measured in one go, as starting takes longest."""
    folder = tmp_path_factory.mktemp("bodies")
    kinds = {make: case[0] for make, case in {**REFUSED, **REJECTED}.items()} | ACCEPTED
    for make, kind in kinds.items():
        (folder / make.__name__).write_bytes(pickle.dumps((kind, make())))
    program = [sys.executable, "-m", "tests.hostile.measured", *sorted(map(str, folder.iterdir()))]
    ended = subprocess.run(program, capture_output=True, timeout=600)
    shutil.rmtree(folder)
    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    return {found["name"]: found for found in map(json.loads, ended.stdout.splitlines())}


def within(found: dict[str, Any]) -> dict[str, Any]:
    """What became of a body, if that took no more memory than what is counted for it."""
    assert "died" not in found, found
    assert found["grown_bytes"] <= WORK_FOLD * LIMITS.max_body_bytes + EVENT_BYTES * LIMITS.max_events, found
    return found


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_a_body_that_would_be_too_much_is_refused_before_it_is(
    make: Callable[[], bytes], told: dict[str, dict[str, Any]]
) -> None:
    assert within(told[make.__name__]).get("error") == REFUSED[make][1]


@pytest.mark.parametrize("make", REJECTED, ids=lambda make: make.__name__)
def test_an_event_that_would_be_too_much_is_rejected_by_itself(
    make: Callable[[], bytes], told: dict[str, dict[str, Any]]
) -> None:
    found = within(told[make.__name__])
    assert found.get("rejected"), found
    assert REJECTED[make][1] in found["reasons"]


@pytest.mark.parametrize("make", ACCEPTED, ids=lambda make: make.__name__)
def test_what_is_valid_is_taken_however_much_it_is_as_objects(
    make: Callable[[], bytes], told: dict[str, dict[str, Any]]
) -> None:
    found = within(told[make.__name__])
    assert found.get("accepted"), found
    assert found["rejected"] == 0
