"""What people are told."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from anabranch import App, Cut, agg
from infra.verify.comparison import Fault, Verdict
from infra.verify.report import Report, show


class Item(BaseModel):
    shelf: str


app = App("report")
view = app.view("shelves", of=app.stream("items", Item), by="shelf", tile="1h", n=agg.count())


def told(capsys: pytest.CaptureFixture[str], verdict: Verdict, generation: int | None = 3) -> str:
    show(Report(Cut((7,)), generation, [verdict], [], ["a checkpoint is torn"]))
    return capsys.readouterr().out


def test_a_view_that_agrees_is_exact_or_within_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    exact = told(capsys, Verdict(view, keys=1_000, tiles=2_000))
    assert "1,000" in exact
    assert "exact" in exact
    assert "generation 3" in exact
    assert "note: a checkpoint is torn" in exact
    within = told(capsys, Verdict(view, tiles=1, difference=0.0123), generation=None)
    assert "1.2e-02" in within
    assert "within bounds" in within
    assert "no generation" in within


def test_a_wrong_answer_is_told_with_key_tile_and_both_values(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = Verdict(view, tiles=9, wrong=8, faults=[Fault(("[a]",), 3_600_000_000, "n", 2, 3)])
    text = told(capsys, verdict)
    assert "shelves {'shelf': '[a]'} 1970-01-01T01:00:00Z n: expected 2, found 3" in text
    assert "and 7 more" in text
    assert not Report(Cut(), None, [verdict], [], []).right


def test_a_damaged_file_is_not_right_even_if_every_answer_is() -> None:
    assert Report(Cut(), None, [Verdict(view)], [], ["what answers do not depend on"]).right
    assert not Report(Cut(), None, [Verdict(view)], ["a file is damaged"], []).right
