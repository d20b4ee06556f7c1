"""The bundled data: small, readable, and with a licence that is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.demo.shows import SHOWS
from infra.importing.file_rows import FileRows
from tests.examples.conftest import EXAMPLES

DATA = sorted(path for path in (EXAMPLES / "data").iterdir() if path.suffix != ".md")
README = (EXAMPLES / "data" / "README.md").read_text()


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_a_data_set_is_small_and_readable(path: Path) -> None:
    assert path.stat().st_size <= 2_000_000
    assert FileRows.of(path).total > 1_000


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_the_readme_names_source_licence_and_number_of_rows(path: Path) -> None:
    (section,) = re.findall(rf"^## `{path.name}`: ([\d,]+) .*?\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    rows, text = section
    assert int(rows.replace(",", "")) == FileRows.of(path).total
    assert "- Licence: " in text or "- Licence:" in text
    assert "https://" in text or "Debian" in text


@pytest.mark.parametrize("name", SHOWS)
def test_a_demonstration_has_its_files(name: str) -> None:
    show = SHOWS[name]
    assert show.application_path.is_file()
    assert show.data_path in DATA
