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
from tests.batch.models.training import HEAD, entry, model, predictions, rides

ROOT = Path(__file__).parents[3]
HANGING = """
import time
from pathlib import Path
HERE = Path(__file__).parent

class Hanging(Ridge):
    def fit(self, X, y):
        (HERE / "fitting").touch()
        while not (HERE / "go").exists():
            time.sleep(0.01)
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
    assert not [found for found in home.generations.iterdir() if found.name.isdecimal()]
    (home.path / "go").touch()
    assert start(home).wait(120) == 0
    assert [run.status for run in home.runs.list()] == ["published", "abandoned"]
    assert entry(home, 1)["champion"] == 1
    assert sorted(entry(home, 1)["report"]["candidates"]) == ["Hanging", "LGBMRegressor"]
    assert len(predictions(home, 1, 1, [{"station": "A", "size": 3.0}])) == 1
    assert not list(home.generations.glob(".run-*"))
