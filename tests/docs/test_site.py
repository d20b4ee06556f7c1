"""The documentation as a site: it builds without a warning, is complete, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from anabranch import agg
from infra.cli import main_app
from tests.docs.reader import ROOT

LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|prefetch|preconnect|dns-prefetch|icon|modulepreload))"
    r"[^>]*\bhref=[\"']?(?:https?:)?//[^>]*"
    r"|class=[\"']?mermaid"  # the theme would fetch a library to draw it
)
LOADED_BY_STYLES = re.compile(r"(?:@import\s*|url\()\s*[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def text_of(site: Path, page: str) -> str:
    return re.sub(r"<[^>]+>", "", (site / page).read_text())


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    assert [f"{page.name}: {found}" for page in pages for found in LOADED.findall(page.read_text())] == []
    styles = [*site.rglob("*.css"), *site.rglob("*.svg")]
    assert [style.name for style in styles if LOADED_BY_STYLES.search(style.read_text())] == []


def test_the_pattern_finds_what_would_be_loaded() -> None:
    for bad in (
        '<script async src="https://cdn.example/x.js">',
        "<img alt=x src=//cdn.example/x.png>",
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<pre class="mermaid">',
    ):
        assert LOADED.search(bad), bad
    for good in (
        '<a href="https://duckdb.org/">',
        '<script src="assets/x.js">',
        '<link rel="canonical" href="https://x">',
    ):
        assert not LOADED.search(good), good


def test_the_reference_of_the_language_has_every_aggregate(site: Path) -> None:
    page = (site / "reference" / "language.html").read_text()
    assert [name for name in agg.__all__ if f'id="anabranch.agg.{name}.{name}"' not in page] == []
    for name in ("App.stream", "App.view", "App.model", "Label", "load_app"):
        assert f'id="anabranch.{name}"' in page, name


def test_the_reference_of_http_has_the_operations(site: Path) -> None:
    text = text_of(site, "reference/http.html")
    for operation in (
        "POST /v1/streams/{stream}/events",
        "GET /v1/views/{view}",
        "POST /v1/models/{model}/predict",
        "POST /v1/sql",
        "GET /v1/batch/runs/{run}",
        "GET /metrics",
    ):
        assert operation in text, operation


def test_the_reference_of_the_command_line_has_every_command(site: Path) -> None:
    page = (site / "reference" / "command-line.html").read_text()
    for name in typer.main.get_command(main_app).commands:  # type: ignore[attr-defined]
        assert f"<code>anabranch {name}" in page, name


def test_files_of_the_repository_that_are_linked_to_are_pages(site: Path) -> None:
    assert "LGBMRegressor" in text_of(site, "repository/examples/bikes.py.html")
    assert "ANABRANCH_HOME" in text_of(site, "repository/index.html")
