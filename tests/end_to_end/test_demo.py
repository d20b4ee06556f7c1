"""The demonstrations, from the import to the proof, with real processes. They are shown on less data than to people."""

from __future__ import annotations

import errno
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.demo.demo import run_demo
from infra.demo.shows import SHOWS
from infra.service_client import LOCK
from infra.settings import Settings
from tests.processes import ends


@pytest.mark.parametrize(("name", "rows"), [("bikes", 8_000), ("flights", 5_000)])
def test_a_demonstration_shows_views_scores_and_a_prediction_and_proves_them(
    name: str, rows: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_demo(Settings(home=tmp_path, port=0), replace(SHOWS[name], rows=rows), stay=False)
    shown = capfd.readouterr().out
    assert_scores(shown)
    assert re.search(r"^version +1 .*2 .*3", shown, re.MULTILINE), "batch runs along the way gave new champions"
    assert re.search(r"batch +\+ speed +(?:= merged)", shown)
    assert "generation 3 covers" in shown
    assert '"prediction": ' in shown
    assert f"/v1/models/{SHOWS[name].model}/predict" in shown
    assert re.search(r"[1-9]\d* compared, 0 unequal", shown), "speed and batch see the same features"
    assert re.search(r"(exact|within bounds) *$", shown, re.MULTILINE)
    if name == "flights":
        assert re.search(r"labels: .*[1-9][\d,]* joined", shown)


def test_the_world_changes_and_alarms_train_the_model_again(tmp_path: Path) -> None:
    """All of it, by the command: no batch run but the first is planned."""
    command = [sys.executable, "-m", "infra.cli", "demo", "--example", "votes", "--exit", "--port", "0"]
    done = subprocess.run([*command, "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_scores(done.stdout)
    assert "drift alarm at 0:" in done.stdout
    trained = re.findall(r"^ +(\d+)  +[\d,]+ +[\d.]+  (?:champion|retired|rejected)", done.stdout, re.MULTILINE)
    assert len(trained) >= 2, "an alarm started a batch run"
    ratio = re.search(r"the blend lost ([\d.]+) of what", done.stdout)
    assert ratio is not None
    assert float(ratio[1]) < 0.95, "batch and speed together are better than either"


def test_an_unknown_example_is_told_which_there_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.cli", "demo", "--example", "cars", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "anabranch: there is no example 'cars'; take one of bikes, flights, votes\n"


def assert_scores(shown: str) -> None:
    """There is a table with a line for each expert, and a chart with one."""
    for expert in ("batch", "speed", "blend"):
        assert re.search(rf"^{expert} +[\d.]+ +[\d.]+ +[\d,]+", shown, re.MULTILINE), expert
        assert re.search(rf"^{expert} +[ ▁▂▃▄▅▆▇█]{{20,}}", shown, re.MULTILINE), expert


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_the_service_of_a_demonstration_ends_with_it_whichever_signal_ends_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "infra.cli", "demo", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        assert demo.stdout is not None
        served = next(line for line in demo.stdout if " is served at " in line)
        service, _, address = (tmp_path / "demo" / LOCK).read_text().removeprefix("pid ").partition(", ")
        assert address.strip() in served
        demo.send_signal(number)
        demo.wait(60)
        assert ends(int(service), 30 if number == signal.SIGKILL else 0)
        port = int(address.rpartition(":")[2])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
