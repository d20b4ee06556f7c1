"""The judge shares no code with what it judges."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import infra.verify

FOLDER = Path(infra.verify.__file__).parent
SEAM = "served.py"
"""The one file that asks the layers."""
LAYERS = ("batch", "speed", "serving")
OF_THE_LOG = {"eventlog.log", "eventlog.log.segment"}
"""The reader of the log: what the judge may know besides the definitions."""
OF_VERIFY = "infra.verify."


def imported(file: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def behind(file: str) -> set[str]:
    """Everything that a file imports, also through other files of the folder."""
    found, files = set[str](), [file]
    while files:
        for name in imported(files.pop()) - found:
            found.add(name)
            if name.startswith(OF_VERIFY):
                files.append(f"{name.removeprefix(OF_VERIFY)}.py")
    return found


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.py") if path.name != SEAM))
def test_only_the_seam_asks_the_layers(file: str) -> None:
    assert [name for name in imported(file) if name.split(".")[0] in LAYERS] == []


@pytest.mark.parametrize("file", ["recount.py", "comparison.py"])
def test_the_judge_knows_the_definitions_and_the_reader_of_the_log_alone(file: str) -> None:
    ours = {name for name in behind(file) if name.split(".")[0] in (*LAYERS, "eventlog", "infra")}
    assert {name for name in ours if not name.startswith(OF_VERIFY)} <= OF_THE_LOG
    assert OF_VERIFY + SEAM.removesuffix(".py") not in ours
