"""What a process writes to stderr, seen from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def said(program: str, code: int = 0) -> list[str]:
    """The lines that a program writes to stderr."""
    command = [sys.executable, "-c", f"import logging, warnings\nfrom infra import logs\n{program}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr.splitlines()


def objects(program: str, code: int = 0) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(f"logs.set_up('json')\n{program}", code)]


def test_our_packages_tell_how_they_get_on_and_libraries_what_goes_wrong() -> None:
    program = "\n".join(
        f"logging.getLogger({name!r}).setLevel(logging.INFO)\nlogging.getLogger({name!r}).{level}('{name} {level}')"
        for name in ("speed.consumer", "serving", "distributed.core", "uvicorn.error")
        for level in ("info", "warning", "critical")
    )
    assert [line["message"] for line in objects(program)] == [
        *("speed.consumer info", "speed.consumer warning", "speed.consumer critical"),
        *("serving info", "serving warning", "serving critical"),
        "distributed.core critical",
        *("uvicorn.error warning", "uvicorn.error critical"),
    ]


def test_warnings_and_what_nobody_caught_are_lines_too() -> None:
    program = """
import threading
warnings.warn("old", DeprecationWarning, stacklevel=1)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
logs.tell_always(run="r1")
raise RuntimeError("planted")
"""
    warned, divided, ended = objects(program, code=1)
    assert "DeprecationWarning: old" in warned["message"]
    assert (divided["level"], divided["error"]) == ("CRITICAL", "ZeroDivisionError")
    assert (ended["message"], ended["run"]) == ("planted", "r1")
    assert "Traceback" in ended["exception"]


def test_requests_are_lines_only_where_that_is_wanted() -> None:
    told = "logging.getLogger('serving.access').info('GET /')"
    assert said(f"logs.set_up('json')\n{told}") == []
    assert len(said(f"logs.set_up('json', access=True)\n{told}")) == 1
    assert said(f"logs.set_up('text', access=True)\n{told}")[0].endswith("INFO serving.access: GET /")


@pytest.mark.parametrize("words", [["up", "nowhere.py"], ["batch", "run", "nowhere.py"]])
def test_a_command_that_fails_says_why_in_the_same_format(tmp_path: Path, words: list[str]) -> None:
    for option, environment in ((["--log-format", "json"], {}), ([], {"ANABRANCH_LOG_FORMAT": "json"})):
        command = [sys.executable, "-m", "infra.cli", *words, "--home", str(tmp_path / "home"), *option]
        environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        line = json.loads(done.stderr)
        assert (line["level"], line["logger"]) == ("ERROR", "infra.logs")
        assert "nowhere.py" in line["message"]
