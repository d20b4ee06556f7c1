from __future__ import annotations

import io
import json
from contextlib import suppress

import pytest
from rich.console import Console

from infra.progress_display import BarProgress, LineProgress


def test_without_a_terminal_every_stage_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress() as progress:
        progress.stage("fold", 10)
        progress.advance(4)
        progress.advance()
        progress.stage("merge", 1)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["stage"], line["done"], line["total"]) for line in lines] == [("fold", 5, 10), ("merge", 0, 1)]


def test_a_stage_that_failed_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(RuntimeError), LineProgress() as progress:
        progress.stage("fold", 10)
        raise RuntimeError
    assert capsys.readouterr().err == ""


def test_in_a_terminal_every_stage_is_a_bar() -> None:
    screen = io.StringIO()
    with BarProgress(Console(file=screen, force_terminal=True, width=120)) as progress:
        progress.stage("fold", 10)
        progress.advance(4)
        progress.note("half way")
        progress.stage("merge", 1)
        progress.end()
    assert "fold" in screen.getvalue()
    assert "half way" in screen.getvalue()
    assert "merge" in screen.getvalue()
