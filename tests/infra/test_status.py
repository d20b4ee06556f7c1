from __future__ import annotations

from typing import Any

from infra.status_table import model_text

SCORES = {
    "batch": {"loss": 4.0, "recent": 3.25, "count": 1234},
    "speed": {"loss": 8.5, "recent": 9.0, "count": 1234},
    "gone": {"loss": 8.5, "recent": None, "count": 34},
    "blend": {"loss": 3.5, "recent": 3.0, "count": 1234},
}


def model(**changes: Any) -> dict[str, Any]:
    return {
        "champion": 4,
        "metric": "squared_error",
        "weights": {"batch": 0.858, "speed": 0.142},
        "scores": SCORES,
        "diverged": [],
        "failed": 0,
        "alarms": 0,
        **changes,
    }


def test_a_model_tells_champion_weights_and_losses() -> None:
    assert model_text(model()).splitlines() == [
        "champion 4; drift alarms: none",
        "weights: batch 0.86, speed 0.14",
        "squared_error, recent (all 1,234): batch 3.25 (4), speed 9 (8.5), blend 3 (3.5)",
    ]


def test_a_model_tells_its_troubles() -> None:
    text = model_text(model(diverged=["speed"], failed=1_500, alarms=2))

    assert text.splitlines()[0] == "champion 4; drift alarms: 2; diverged: speed; events without features: 1,500"


def test_a_model_that_nobody_trained_has_no_scores() -> None:
    text = model_text(model(champion=None, scores={}, weights={"speed": 1.0}))

    assert text.splitlines() == ["no champion yet; drift alarms: none", "weights: speed 1.00"]
