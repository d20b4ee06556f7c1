"""Everything works in a folder of any name, started from within it, whatever the user's own modules are called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import ride
from tests.service import Service

AWKWARD = "a folder {b} 100% # 'c' \"d\" & $HOME =x= ; é 🚲 ~:"
"""What URLs, SQL, globs, patterns and shells take for something of their own."""
FILES = AWKWARD + "[e] * ^|? \\n %25 \n"
"""And what Delta Lake and DuckDB do not take, which is no matter to applications and files that are imported."""
APPLICATION = """
from anabranch import App, agg
from speed import Ride, limit
from batch import Shifted
from infra.features import of
import eventlog, serving, tests, random

app = App("awkward")
rides = app.stream("rides", Ride, id="ride_id", key="station", time="at")
app.view("hourly", of=rides, by="station", tile="1h", n=agg.count(), minutes=agg.mean("minutes"))
app.view("long", of=rides, by=lambda ride: ride.station.lower(), n=agg.count(where=lambda ride: ride.minutes > limit))


@app.model("duration", on=rides, label="minutes", task="regression", batch=Shifted, speed=serving.line)
def duration(ride, views):
    return of(ride, views.hourly(station=ride.station, last="24h"))
"""
BESIDE = {
    "speed.py": """
from datetime import datetime
from pydantic import BaseModel
limit = 20
class Ride(BaseModel):
    ride_id: str
    station: str
    at: datetime
    minutes: float
    member: bool
""",
    "batch.py": """
import numpy
from sklearn.base import BaseEstimator, RegressorMixin
class Shifted(RegressorMixin, BaseEstimator):
    "An estimator of the user's own, which is pickled."
    def fit(self, x, y):
        self.mean_ = float(numpy.mean(y))
        return self
    def predict(self, x):
        return numpy.full(len(x), self.mean_)
""",
    "serving.py": """
def line():
    from river import linear_model, preprocessing
    return preprocessing.StandardScaler() | linear_model.LinearRegression()
""",
    "infra/__init__.py": "",
    "infra/features.py": "def of(ride, day):\n    return {'hour': ride.at.hour, 'n': day.n}\n",
    "eventlog.py": "",
    "tests/__init__.py": "",
    "random.py": "",
    "queue.py": "raise RuntimeError('this is not for the standard library')",
}


class ServiceWithin(Service):
    """Started from within the folder of the application, as the installed command is."""

    def command(self, *words: str) -> list[str]:
        home = [] if words[:1] == ("sql",) and "--home" in words else ["--home", str(self.home)]
        code = f"import os, sys; os.chdir({str(self.application.parent)!r}); from infra.cli import main; main()"
        return [sys.executable, "-P", "-c", code, *words, *home]

    def run(self, *words: str) -> str:
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceWithin]:
    folder = tmp_path / FILES
    for name, text in {"my app.py": APPLICATION, **BESIDE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    # two workers, and slices small enough to keep both busy
    options = {"ANABRANCH_SLICE_RECORDS": "1000", "ANABRANCH_WORKERS": "2", "ANABRANCH_PICKLE_MODELS": "true"}
    service = ServiceWithin(folder / "my app.py", tmp_path / AWKWARD / "home", **options)
    yield service
    service.close()


def asked(service: ServiceWithin, sql: str) -> list[Any]:
    response = service.client.post("/v1/sql", json={"sql": sql})
    assert response.status_code == 200, response.text
    rows: list[Any] = response.json()["rows"]
    return rows


def test_import_batch_sql_verify_kill_and_restart_in_a_folder_of_any_name(service: ServiceWithin) -> None:
    application = str(service.application)
    events = [ride(n, "AB"[n % 2], ride_id=str(n), minutes=float(n % 40), member=True) for n in range(3_000)]
    file = service.application.parent / f"rides {FILES}.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events[:2_500]))
    service.run("import", str(file), "--stream", "rides", application)
    assert service.batch().wait(300) == 0, service.output.read_text()

    service.start()
    service.post("rides", events[2_500:])
    service.kill()
    service.start()
    totals = {"A": 1_500, "B": 1_500}
    rows = service.rows("hourly", after="0:3000", group="total")
    assert {row["station"]: row["n"] for row in rows} == totals
    sql = "SELECT station, sum(n)::BIGINT AS n FROM view_hourly GROUP BY station"
    assert dict(asked(service, sql)) == totals
    assert asked(service, "SELECT count(*) FROM events_rides") == [[3_000]]
    known = {"station": "A", "at": "2024-05-03T07:30:00Z", "ride_id": "x", "member": True}
    answer = service.client.post("/v1/models/duration/predict", json=known).json()
    assert set(answer["parts"]) >= {"batch", "speed"}
    response = service.client.post("/v1/batch/runs", json={})
    assert response.status_code == 202, response.text
    assert service.batch().wait(300) in (0, 75), service.output.read_text()
    service.stop()

    assert json.loads(service.run("sql", sql, application, "--format", "json"))["rows"]
    service.run("verify", application)
    service.run("status", application)
