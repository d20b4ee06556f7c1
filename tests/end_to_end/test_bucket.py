"""Everything on one bucket and one PostgreSQL, from machines whose homes are empty."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.buckets import S3Server
from tests.end_to_end.conftest import rides
from tests.service import Service
from tests.workers_apart import cluster

APPLICATION = Path(__file__).with_name("model_application.py")
KEY = "a key that the homes of all machines share"


class Machine(Service):
    """A service with a home of its own; the log is in PostgreSQL, all else in the bucket."""

    def __init__(self, folder: Path, database: str, bucket: str, **environment: str):
        folder.mkdir()
        super().__init__(
            APPLICATION,
            folder / "home",
            ANABRANCH_DATABASE=database,
            ANABRANCH_STORE=bucket,
            ANABRANCH_HOME_KEY=KEY,
            ANABRANCH_SLICE_RECORDS="1000",
            ANABRANCH_RETENTION="1ms",  # so that what is archived is nowhere else
            ANABRANCH_SQL_TIMEOUT="60s",
            ANABRANCH_CHECKPOINT_SECONDS="1",  # the first of them is shared, and others five minutes later
            **environment,
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of it, to its end."""
        command = self.command(words[0], *words[1:])
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=250, check=False)

    def stored_at_home(self) -> set[str]:
        """What of a store lies in its home."""
        return {path.name for path in self.home.iterdir()} & {"lake", "blobs", "generations", "runs", "log", "log.db"}

    def answers(self, position: str) -> dict[str, Any]:
        """What it says of everything before a position, by every road."""
        views = {view: self.rows(view, position) for view in ("hourly",)}
        asked = {"ride_id": "new", "station": "A", "at": "2024-05-05T12:00:00Z", "minutes": 0, "member": True}
        models = {}
        for model in ("duration", "member"):
            answer = self.client.post(f"/v1/models/{model}/predict", json=asked).json()
            models[model] = {
                name: answer[name] for name in ("prediction", "parts", "weights", "features", "generation")
            }
        query = (
            "SELECT station, count(*) AS n, sum(minutes) AS total FROM events_rides GROUP BY station ORDER BY station"
        )
        both = [query, "SELECT sum(n) FROM view_hourly", "SELECT generation, current FROM generations ORDER BY 1"]
        sql = [self.sql(statement) for statement in both]
        return {"views": views, "models": models, "sql": sql}

    def sql(self, statement: str) -> Any:
        answer = self.client.post("/v1/sql", json={"sql": statement})
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]


@pytest.fixture
def machines(tmp_path: Path, postgresql_url: str, bucket: str) -> Iterator[list[Machine]]:
    made = [Machine(tmp_path / name, postgresql_url, bucket) for name in ("first", "second")]
    yield made
    for machine in made:
        machine.close()


def member_rides(first: int, count: int) -> list[dict[str, Any]]:
    return [{**ride, "member": ride["minutes"] < 30} for ride in rides(Random(first), first, count)]


@pytest.mark.timeout(900)  # on a machine that does much else
def test_a_second_machine_starts_from_the_store_and_answers_the_same(
    machines: list[Machine], s3_server: S3Server, tmp_path: Path
) -> None:
    first, second = machines
    (tmp_path / "history.ndjson").write_text("\n".join(map(json.dumps, member_rides(0, 1_500))))
    first.start()
    imported = first.run("import", str(tmp_path / "history.ndjson"), "--stream", "rides", str(APPLICATION))
    assert imported.returncode == 0, imported.stderr
    with cluster(tmp_path / "cluster") as address:
        assert first.batch("--dask", address).wait(300) == 0, first.output.read_text()
        first.post("rides", member_rides(1_500, 300))
        assert first.batch("--dask", address).wait(300) == 0, first.output.read_text()
    for number in range(2):
        worker = tmp_path / "cluster" / f"worker-{number}"
        assert {path.name for path in (worker / "home").glob("*")} <= {"cache"}
    position = first.post("rides", member_rides(1_800, 100))["position"]
    answers = first.answers(position)
    assert {answer["generation"] for answer in answers["models"].values()} == {2}
    assert sum(n for _, n, _ in answers["sql"][0]) == 1_900
    assert first.stored_at_home() == set()

    first.kill()
    second.start()
    assert second.answers(position) == answers
    told = second.run("sql", "SELECT count(*) AS n FROM events_rides", str(APPLICATION), "--format", "json")
    assert json.loads(told.stdout)["rows"] == [[1_900]], told.stderr
    verified = second.run("verify", str(APPLICATION))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert second.stored_at_home() == set()

    s3_server.stop()
    try:
        position = second.post("rides", member_rides(1_900, 10))["position"]
        assert sum(row["n"] for row in second.rows("hourly", position)) == 1_910
        assert second.run("batch", "run", str(APPLICATION)).returncode == 1
    finally:
        s3_server.start()
