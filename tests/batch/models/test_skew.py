"""The skew test: features that speed froze beside those of the replay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventlog.log import Append
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post
from tests.batch.models.test_replay import home_with, one_pass, post_stations


def freeze(home: Home, model: str, sampled: dict[int, dict[str, Any]], **changes: Any) -> None:
    """Write samples as the speed layer does."""
    fingerprint = home.app.models[model].fingerprint
    for offset, features in sampled.items():
        sample = {"model": model, "fingerprint": fingerprint, "at": offset, "features": features, **changes}
        name = f"{model}:{fingerprint}:{offset}"
        home.log.append(Append("_features", [name], [None], [None], [json.dumps(sample).encode()]))


def skew(home: Home, number: int, model: str = "duration") -> Any:
    generation = home.open(number)
    generation.close()
    return generation.manifest["models"][model]["report"]["skew"]


def test_what_a_fold_froze_is_what_the_replay_makes(home: Home) -> None:
    learning_home(home)
    post(home, 150)
    frozen = one_pass(home, at_a_time=1_000)
    for model, by_offset in frozen.items():
        freeze(home, model, dict(list(by_offset.items())[::3]))
    outcome = home.run(slice_records=40)
    for model, by_offset in frozen.items():
        assert skew(home, 1, model) == {"checked": len(list(by_offset)[::3]), "unequal": 0, "examples": []}
    assert not [problem for problem in outcome.problems if "differ" in problem]


def test_a_function_that_reads_the_clock_is_found(home: Home) -> None:
    home_with(home, '{"now": time.perf_counter(), "n": views.usage(station=ride.station, last="2h").n}', "import time")
    post_stations(home, ["even", "odd"] * 20)
    frozen = one_pass(home)["duration"]
    freeze(home, "duration", frozen)
    outcome = home.run()
    found = skew(home, 1)
    assert (found["checked"], found["unequal"], len(found["examples"])) == (40, 40, 5)
    example = found["examples"][0]
    assert (example["position"], example["feature"], example["speed"]) == ("0:0", "now", frozen[0]["now"])
    assert example["batch"] != example["speed"]
    said = [problem for problem in outcome.problems if "differ between speed and batch for 40 of 40" in problem]
    assert len(said) == 1
    assert "clock" in said[0]
    assert "'duration'" in said[0]


def test_each_kind_of_difference_counts(home: Home) -> None:
    features = '{"a": 1 if ride.station == "even" else 0.1 + 0.2, "b": ride.station, "c": None, "d": True}'
    home_with(home, features)
    post_stations(home, ["even", "odd"] * 20)
    right = one_pass(home)["duration"]
    wrong: list[dict[str, Any]] = [
        {**right[1], "a": 0.3},  # to nine digits the same
        {**right[2], "a": 1.0},
        {**right[3], "a": 0.3000001},
        {**right[4], "b": "Even"},
        {**right[5], "c": 0},
        {**right[6], "d": False},
        {name: value for name, value in right[7].items() if name != "a"},
        {**right[8], "more": 1},
        {**right[9], "b": None},
    ]
    freeze(home, "duration", dict(enumerate(wrong, 1)))
    freeze(home, "duration", {39: {"a": 5}}, fingerprint="another definition")
    home.run()
    found = skew(home, 1)
    assert (found["checked"], found["unequal"]) == (9, 7)
    assert [example["position"] for example in found["examples"]] == [f"0:{offset}" for offset in range(3, 8)]


@pytest.mark.parametrize("at", [3, "0:3"])
def test_an_example_on_which_only_batch_raised_differs(home: Home, at: Any) -> None:
    home_with(home, '{"a": 1 if ride.station == "even" else 1 // 0}')
    post_stations(home, ["even", "even", "even", "odd"] * 10)
    freeze(home, "duration", {3: {"a": 1}}, at=at)
    outcome = home.run()
    assert skew(home, 1)["unequal"] == 1
    assert any("raised, or there is no such event" in problem for problem in outcome.problems)


def test_only_new_samples_are_checked_also_of_rows_that_are_kept(home: Home) -> None:
    home_with(home, '{"a": 1}')
    post_stations(home, ["even"] * 20)
    freeze(home, "duration", {0: {"a": 2}})
    home.run()
    freeze(home, "duration", {1: {"a": 1}, 2: {"a": 3}})
    post_stations(home, ["even"] * 20)
    home.run()
    home.run()
    home.run(full=True)
    assert [(skew(home, n)["checked"], skew(home, n)["unequal"]) for n in (2, 3, 4)] == [(2, 1), (0, 0), (0, 0)]
