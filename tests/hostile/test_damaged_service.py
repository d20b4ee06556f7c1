"""A real service on a damaged lake, and the commands beside it: one sentence, no traceback, and how it is mended."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.homes import APPLICATION, LivedHome, flipped, lived
from tests.service import Service

__all__ = ["lived"]


@pytest.fixture
def service(lived: LivedHome, tmp_path: Path) -> Iterator[Service]:
    service = Service(APPLICATION, lived.copied(tmp_path / "home"), ANABRANCH_WORKERS="1")
    yield service
    service.close()


def run(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    command = service.command(*words)
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, check=False)


def assert_names(ended: subprocess.CompletedProcess[str], path: Path) -> None:
    assert ended.returncode == 1
    assert str(path) in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_only_the_lake_has_is_refused_until_it_is_put_back(service: Service) -> None:
    (path,) = (service.home / "lake" / "rides").glob("*-400-*.parquet")
    sound = path.read_bytes()
    flipped(path, path)
    service.start()
    for answer in (
        service.client.get("/v1/streams/rides/events"),
        service.client.post("/v1/sql", json={"sql": "SELECT sum(minutes) FROM events_rides"}),
    ):
        assert answer.status_code == 503, answer.text
        assert path.name in answer.json()["detail"]
    assert service.client.get("/v1/views/hourly").status_code == 200, "the generation and the fold do not need it"
    for words in (["batch", "run", str(APPLICATION), "--full"], ["batch", "run", str(APPLICATION), "--mend"]):
        ended = run(service, *words)
        assert_names(ended, path)
        assert ended.stderr.splitlines()[-1].startswith("anabranch: the lake is damaged: ")
    assert_names(run(service, "verify", str(APPLICATION)), path)
    newest = json.loads(run(service, "status", "--json").stdout)["runs"][0]
    assert (newest["status"], path.name in newest["error"]) == ("failed", True)
    path.write_bytes(sound)
    assert run(service, "batch", "run", str(APPLICATION), "--full").returncode == 0
    assert service.client.get("/v1/streams/rides/events").status_code == 200
    service.stop()
    assert "Traceback" not in service.output.read_text()


def test_what_the_hot_log_has_too_is_mended_on_request(service: Service) -> None:
    (path,) = (service.home / "lake" / "rides").glob("*-200-*.parquet")
    flipped(path, path)
    max((service.home / "lake" / "_anabranch" / "_delta_log").glob("*.json")).unlink()
    assert_names(run(service, "batch", "run", str(APPLICATION), "--full"), path)
    ended = run(service, "batch", "run", str(APPLICATION), "--full", "--mend")
    assert ended.returncode == 0, ended.stderr
    assert "was written anew from the hot log" in ended.stderr
    assert run(service, "verify", str(APPLICATION)).returncode == 0


def test_a_log_that_was_lost_is_not_taken_for_a_new_one(service: Service) -> None:
    for path in service.home.glob("log.db*"):
        path.unlink()
    ended = run(service, "batch", "run", str(APPLICATION))
    assert ended.returncode == 1
    assert "the log ends at 0:0, but " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "the log ends at 0:0" in json.loads(run(service, "status", "--json").stdout)["problem"]
    service.start(ready=False)
    answer = service.client.post("/v1/streams/rides/events", json={})
    assert (answer.status_code, answer.json()["since"]) == (503, "0:0")
