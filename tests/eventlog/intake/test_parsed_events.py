from __future__ import annotations

import pytest

from eventlog.intake.parsed_events import reason


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100 + "…"),
        ("", ""),
        (0, "0"),
        (["x" * 200], "['" + "x" * 98 + "…"),
    ],
)
def test_a_reason_shows_the_value_cut_short(value: object, shown: str) -> None:
    assert reason("a.0", "is wrong", "wrong", value) == {
        "field": "a.0",
        "message": "is wrong",
        "type": "wrong",
        "input": shown,
    }


def test_a_reason_about_nothing_shows_nothing() -> None:
    assert reason("a", "is missing", "missing") == {"field": "a", "message": "is missing", "type": "missing"}
