"""What a person is shown of a batch run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.batch_command import BatchStarter, show_models
from infra.composition import opened
from infra.settings import Settings
from serving.errors import BatchNotStartedError

REPORT: dict[str, Any] = {
    "duration": {
        "version": 4,
        "promoted": False,
        "candidate": "trees",
        "rows": 12_345,
        "holdout": {"loss": 2.5, "rows": 2_469, "incumbent": 2.25},
        "candidates": {"trees": {"loss": 2.5}, "line": {"loss": 3.0}, "odd": {"error": "ValueError: [planted]"}},
        "skew": {
            "checked": 300,
            "unequal": 12,
            "examples": [{"position": "0:17", "feature": "now", "speed": 1.0, "batch": 2.0}],
        },
        "failed": {"count": 7, "examples": [{"position": "0:3", "reason": "KeyError: 'x' (app.py:3 in duration)"}]},
    },
    "idle": {
        "version": None,
        "promoted": False,
        "candidate": None,
        "rows": None,
        "holdout": None,
        "candidates": {},
        "skew": {"checked": 0, "unequal": 0, "examples": []},
        "failed": {"count": 0, "examples": []},
    },
}


def test_models_are_shown_with_losses_verdict_and_what_went_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_models(REPORT)
    shown = capsys.readouterr().out
    won = next(line for line in shown.splitlines() if "trees" in line)
    assert won.split() == ["duration", "trees", "2.5", "2.25", "rejected", "12,345", "12", "of", "300", "7"]
    assert "not trained" in next(line for line in shown.splitlines() if line.startswith("idle"))
    for text in ("ValueError: [planted]", "0:17", "'now'", "0:3: KeyError: 'x' (app.py:3 in duration)"):
        assert text in shown


def test_a_run_whose_process_ends_before_it_begins_has_not_begun_and_may_be_asked_for_again(tmp_path: Path) -> None:
    application = tmp_path / "away.py"
    application.write_text("from anabranch import App\n\napp = App('away')\n")
    with opened(Settings.load(app=str(application), home=tmp_path / "home")) as process:
        application.unlink()
        with pytest.raises(BatchNotStartedError, match="ended with exit code"):
            BatchStarter(process).start(full=False)
        assert process.runs.list(1) == []
