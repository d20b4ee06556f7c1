"""The documents say what the code does: settings, commands, problems, code blocks and links."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from infra.cli import main_app
from infra.settings import Settings
from serving.http.problems import PROBLEM_BY_ERROR

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/data/*.md")])
FOLLOWED = {ROOT / "docs" / "tutorial.md", *ROOT.glob("docs/guides/*.md")}
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
ALL = "\n".join(path.read_text() for path in DOCUMENTS)

SETTING_ROWS = re.findall(r"^\| `ANABRANCH_(\w+)` \| (?:`([^`]*)`)? *\| (.+) \|$", README, re.MULTILINE)


def test_the_readme_lists_every_setting_in_order_and_no_other() -> None:
    assert [name.lower() for name, _, _ in SETTING_ROWS] == list(Settings.model_fields)


@pytest.mark.parametrize("row", SETTING_ROWS, ids=lambda row: row[0])
def test_the_readme_says_what_a_setting_means_and_its_default(row: tuple[str, str, str]) -> None:
    name, default, meaning = row
    field = Settings.model_fields[name.lower()]
    assert field.default is not PydanticUndefined
    assert default == ("" if field.default is None else str(field.default))
    assert not isinstance(field.default, SecretStr)
    assert meaning.replace("`", "") == field.description


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_settings_that_documents_name_exist(path: Path) -> None:
    for name in re.findall(r"ANABRANCH_([A-Z_]+)", path.read_text()):
        assert name.lower() in Settings.model_fields, f"{path.name} names ANABRANCH_{name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_the_python_of_a_document_runs_from_top_to_bottom(path: Path) -> None:
    """All blocks of a document are one program. Those of the tutorial and the guides are run in tests/docs."""
    if path in FOLLOWED:
        return
    program = types.ModuleType("document")
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(block, str(path), "exec", dont_inherit=True), program.__dict__)  # our own documents


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, f"{path.name} links to {target}"


def test_the_reference_lists_every_command() -> None:
    commands = [f"anabranch {name}" for name in _commands(typer.main.get_command(main_app))]
    assert "anabranch batch run" in commands
    assert [command for command in commands if f"`{command}" not in REFERENCE] == []


def test_commands_that_documents_name_exist() -> None:
    known = set(_commands(typer.main.get_command(main_app)))
    named = re.findall(r"(?:^|[`/ ])anabranch ((?:batch )?[a-z]+)\b", "\n".join(_shell(ALL)))
    assert {name for name in named if name not in known} == set()


def test_the_reference_lists_every_problem() -> None:
    assert [row.kind for row in PROBLEM_BY_ERROR.values() if f"| {row.status} | `{row.kind}`" not in REFERENCE] == []


def test_the_example_in_the_examples_is_the_file() -> None:
    source = (ROOT / "examples" / "bikes.py").read_text()
    _, _, code = source.split('"""', 2)
    assert code.strip() in (ROOT / "docs" / "examples.md").read_text()


def test_no_document_names_a_place_on_the_author_s_machine() -> None:
    for path in DOCUMENTS:
        assert not re.findall(r"/(?:work|tmp|home|root)/", path.read_text()), path.name


def _shell(text: str) -> list[str]:
    """The code in a document that is not Python: shell blocks, and what stands in backticks."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline: list[str] = re.findall(r"`(anabranch [^`]+)`", text)
    return blocks + inline


def _commands(group: Any, prefix: str = "") -> Iterator[str]:
    """The full name of every command that is shown in the help."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield prefix + name


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text()
FAILURES = [line for line in RELIABILITY.splitlines() if line.startswith("| ") and "**" not in line][1:]
"""The rows of its table."""


def test_every_failure_names_a_test_that_shows_what_is_promised() -> None:
    table = [line for line in FAILURES if line.count(" | ") >= 4]
    assert len(table) > 40
    assert [line for line in table if not re.search(r"`[\w/]+\.py::test_\w+`", line)] == []


def test_the_tests_that_failures_name_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", RELIABILITY)
    assert named
    defined = {file: _tests_of(ROOT / "tests" / file) for file, _ in named}
    assert [f"{file}::{name}" for file, name in named if name not in defined[file]] == []


def _tests_of(path: Path) -> set[str]:
    """The tests that a file defines, those of its classes too."""
    return set(re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE))
