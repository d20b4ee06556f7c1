"""A real batch process is killed while it trains: the next run replays and trains as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.batch.conftest import Home
from tests.batch.models.training import HEAD, entry, model, predictions, promoted, rides

ROOT = Path(__file__).parents[3]
HANGING = """
import time
from pathlib import Path
HERE = Path(__file__).parent

class Hanging(Ridge):
    def fit(self, X, y):
        (HERE / "fitting").touch()
        while not (HERE / "go").exists():
            time.sleep(0.01)  # a file outlives the runs that are killed here, unlike whom one could tell
        return super().fit(X, y)
"""


def start(home: Home) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "infra.cli", "batch", "run", home.app_path, "--home", str(home.path)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "80"}
    )


def wait_for(path: Path, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        try:
            raise AssertionError(f"the run ended with {process.wait(0.05)}")
        except subprocess.TimeoutExpired:
            pass


def test_a_run_killed_in_training_leaves_the_next_to_succeed(home: Home) -> None:
    path = home.path / "app.py"
    path.write_text(HEAD + HANGING + model("[Hanging(), LGBMRegressor(n_estimators=20)]"))
    home.app_path = str(path)
    home.post("rides", rides(200))
    killed = start(home)
    wait_for(home.path / "fitting", killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert home.stored() == []
    (home.path / "go").touch()
    assert start(home).wait(120) == 0
    assert [run.status for run in home.runs.list()] == ["published", "abandoned"]
    assert entry(home, 1)["champion"] == 1
    assert sorted(entry(home, 1)["report"]["candidates"]) == ["Hanging", "LGBMRegressor"]
    assert len(predictions(home, 1, 1, [{"station": "A", "size": 3.0}])) == 1
    assert not list((home.path / "batch").iterdir())


KILLING = """
import os, signal
from pathlib import Path
HERE = Path(__file__).parent

class Killing(Ridge):
    def fit(self, X, y):
        os.kill(os.getpid(), signal.SIGKILL)

def maybe_die(ride):
    if (HERE / "deadly").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return ride.size
"""
DEADLY = """
@app.model("deadly", on=rides, label="minutes", task="regression", batch=lambda: Ridge(), speed=lambda: None)
def deadly(ride, views):
    return {"size": maybe_die(ride)}
"""


def home_that_kills(home: Home, *models: str) -> Home:
    path = home.path / "app.py"
    path.write_text(HEAD + KILLING + "".join(models))
    home.app_path = str(path)
    return home


def test_a_candidate_that_kills_its_process_harms_no_other_candidate_or_model(home: Home) -> None:
    from dask import config
    from distributed import LocalCluster

    home_that_kills(home, model("[Killing(), Ridge()]"), model("Ridge()", name="other"))
    home.post("rides", rides(60))
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),  # a worker takes seconds to start
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as existing,
    ):
        outcome = home.run(dask=existing.scheduler_address)
    candidates = entry(home, 1)["report"]["candidates"]
    assert "KilledWorker" in candidates["Killing"]["error"]
    assert candidates["Ridge"]["loss"] >= 0
    assert promoted(home) == [{"m": 1, "other": 1}]
    assert any("Killing failed" in problem for problem in outcome.problems)


def test_a_features_function_that_kills_its_process_stops_no_view_and_the_next_run_begins_anew(home: Home) -> None:
    from dask import config
    from distributed import LocalCluster

    home_that_kills(home, DEADLY)
    home.post("rides", rides(60))
    (home.path / "deadly").write_text("everybody")
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),  # a worker takes seconds to start
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as existing,
    ):
        home.run(dask=existing.scheduler_address)
    assert home.served(1)["usage"]
    assert entry(home, 1, "deadly")["versions"] == []
    assert "KilledWorker" in entry(home, 1, "deadly")["report"]["candidates"]["replay"]["error"]
    run = home.runs.list()[0]
    assert run.status == "published"
    assert any("no model is trained" in problem for problem in run.problems)
    (home.path / "deadly").unlink()
    home.run()
    assert entry(home, 2, "deadly")["champion"] == 2
    assert sum(file["rows"] for file in entry(home, 2, "deadly")["rows"]["files"]) == 60
