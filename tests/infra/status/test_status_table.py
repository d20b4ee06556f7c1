"""How a status looks to a person: every figure with its unit, and troubles where they are."""

from __future__ import annotations

from typing import Any

import pytest

from infra.status.status_table import duration, model_text, rows_of, run_text, size

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


def test_a_run_that_goes_on_tells_how_far_it_is() -> None:
    stages = [
        {"name": "mark", "done": 1, "total": 1, "seconds": 0.1},
        {"name": "fold", "done": 5_000, "total": 9_000, "seconds": 2.0},
    ]
    run = {"run": "r1", "status": "running", "started": "2026-01-01T00:00:00Z", "seconds": 2.1, "error": None}
    assert run_text({**run, "stage": "fold", "stages": stages}).splitlines() == [
        "r1 running, started 2026-01-01T00:00:00Z, 2.1 s",
        "mark 0.10 s, fold 5,000 of 9,000",
    ]


MODEL: dict[str, Any] = {
    "champion": 4, "alarms": 0, "diverged": [], "failed": 0, "weights": {"batch": 1.0}, "scores": {},
    "metric": "squared_error", "errors": {}, "untrained": {},
}  # fmt: skip


def test_a_learner_that_raises_and_a_training_that_failed_are_told() -> None:
    assert "raised" not in model_text(MODEL)
    told = model_text({**MODEL, "errors": {"speed": 1_200}, "untrained": {"Ridge": "ValueError: no"}})
    assert "raised: speed 1,200 times" in told
    assert "training failed: Ridge: ValueError: no" in told


def test_the_notes_of_a_run_are_told_and_where_the_rest_is() -> None:
    run = {"run": "r", "status": "published", "started": "2026-01-01T00:00:00Z", "seconds": 1.0, "error": None}
    told = run_text({**run, "stages": [], "problems": [f"problem {number}" for number in range(5)]})
    assert told.splitlines()[1:] == [
        "note: problem 0",
        "note: problem 1",
        "note: problem 2",
        "and 2 more: anabranch batch show r",
    ]


SERVICE: dict[str, Any] = {
    "service": "ready", "problem": None, "app": "bikes", "address": "http://127.0.0.1:8000", "home": "/data",
    "time": "2026-01-01T00:00:00Z", "log_end": "0:12", "speed_cut": "0:12", "ingest_per_second": 1234.5,
    "fold_per_second": None, "lag_seconds": 0.00123, "memory_bytes": None,
    "epochs": [{"start": "0:3", "run": None}], "rejected": {},
    "views": {}, "predict": {}, "generation": 3, "batch_cut": "0:3", "generation_age_seconds": 3_700.0, "runs": [],
    "next_run": None, "models": [],
}  # fmt: skip


def told(**changes: Any) -> dict[str, str]:
    return dict(rows_of({**SERVICE, **changes}))


def test_a_running_service_tells_its_rates_and_how_far_it_is() -> None:
    rows = told()
    assert rows["service"] == "bikes at http://127.0.0.1:8000, ready"
    assert rows["ingest"].startswith("1,234 events/s")
    assert rows["fold"] == "at 0:12; ? records/s now"
    assert rows["lag"] == "0.00123 s"
    assert rows["generation"] == "3, covers everything before 0:3; made 1 h 1 min ago"
    assert "rejected" not in rows


def test_troubles_are_told_and_who_is_not_asked_tells_no_rates() -> None:
    assert told(service="not ready", problem="the fold is behind")["service"].endswith("not ready: the fold is behind")
    assert told(rejected={"rentals": 2_000, "pings": 0})["rejected"] == "2,000 of rentals"
    none = told(service="none", problem=None, speed_cut=None, generation=None)
    assert (none["service"], none["checkpoint"]) == ("none at http://127.0.0.1:8000", "none yet")
    assert none["generation"].startswith("none yet")
    assert "lag" not in none


def test_the_next_run_is_never_in_the_past() -> None:
    assert told(next_run="2026-01-01T02:00:00Z")["next run"] == "2026-01-01T02:00:00Z, in 2 h"
    assert told(next_run="2025-12-31T23:59:59Z")["next run"].endswith("in 0 s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3_599.6, "1 h"),
        (86_399, "23 h 59 min"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_duration_has_the_one_or_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (9_960, "10 kB"),
        (999_999, "1 MB"),
        (5e15, "5000 TB"),
    ],
)
def test_a_size_is_rounded_to_a_unit_that_it_has_at_least_one_of(count: float | None, text: str) -> None:
    assert size(count) == text


def test_what_could_not_be_used_is_told_once_and_only_the_newest_of_it() -> None:
    warnings = ["model 'm' begins to learn at 0:7: its speed layer was not kept"] * 2
    assert told(warnings=warnings)["note"] == warnings[0]
    rows = [value for name, value in rows_of({**SERVICE, "warnings": list("abcd")}) if name == "note"]
    assert rows == ["b", "c", "d"]
