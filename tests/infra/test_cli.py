"""The command line: what every command is called, and how it ends when something is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from infra.cli import main_app

ROOT = Path(__file__).parents[2]
COMMANDS = {"up", "batch", "import", "restore", "retract", "verify", "sql", "status", "demo"}
APP = """
from pydantic import BaseModel
from anabranch import App, agg
app = App("notes")
class Note(BaseModel):
    text: str
notes = app.stream("notes", Note)
everything = app.view("everything", of=notes, n=agg.count())
"""


@pytest.fixture
def application(tmp_path: Path) -> str:
    path = tmp_path / "notes.py"
    path.write_text(APP)
    return str(path)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.cli", *words, "--home", str(home)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_commands_are_those_of_the_contract() -> None:
    command = typer.main.get_command(main_app)
    assert isinstance(command, TyperGroup)
    assert set(command.commands) == COMMANDS
    batch = command.commands["batch"]
    assert isinstance(batch, TyperGroup)
    assert set(batch.commands) == {"run", "list", "show"}


@pytest.mark.parametrize("command", [*sorted(COMMANDS), "batch run", "batch list", "batch show"])
def test_every_command_says_what_it_does(command: str) -> None:
    done = CliRunner().invoke(main_app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_what_a_user_can_mend_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "batch", "run", str(tmp_path / "none.py"))
    assert done.returncode == 1
    assert "none.py" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "code"), [('{"text": "a"}\n', 0), ('{"text": "b"}\n{"text": 7}\n', 1), (None, 1)], ids=str
)
def test_an_import_ends_with_0_only_where_every_row_is_an_event_now(
    application: str, tmp_path: Path, content: str | None, code: int
) -> None:
    file = tmp_path / "notes.ndjson"
    if content is not None:
        file.write_text(content)
    done = run(tmp_path / "home", "import", str(file), "--stream", "notes", application)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_batch_run_and_its_proof_end_with_0_and_the_run_is_listed(application: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for words in (("batch", "run", application), ("verify", application)):
        done = run(home, *words)
        assert done.returncode == 0, done.stderr
    assert "published" in run(home, "batch", "list").stdout


def test_that_there_is_no_service_is_told_by_the_exit_code_where_it_is_asked_for(tmp_path: Path) -> None:
    words = ("status", "--port", "9")
    assert run(tmp_path / "none", *words).returncode == 0
    assert run(tmp_path / "none", *words, "--check").returncode == 3
