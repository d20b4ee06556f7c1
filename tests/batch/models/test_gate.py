"""Which version becomes the champion."""

from __future__ import annotations

import pytest

from batch.errors import VersionError
from tests.batch.conftest import Home
from tests.batch.models.training import ROWS, entry, home_with, model, predictions, promoted, rides


def test_a_planted_bad_model_is_rejected_and_kept(home: Home) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=50)"))
    home.post("rides", rides(300))
    home.run()
    home_with(home, model("DummyRegressor(strategy='constant', constant=1e4)"), file="bad.py")
    home.post("rides", rides(100, seed=1, day=1))
    outcome = home.run()
    assert any("rejected" in problem and "'m'" in problem for problem in outcome.problems)
    found = entry(home, 2)
    bad, good = found["versions"]
    assert (bad["version"], bad["promoted"], good["version"], good["promoted"]) == (2, False, 1, True)
    assert bad["holdout"]["incumbent"] < bad["holdout"]["loss"]
    assert found["champion"] == 1
    assert promoted(home) == [{"m": 1}, {}]
    assert predictions(home, 2, 2, ROWS[:1]) == [1e4], "a user may promote it all the same"
    assert predictions(home, 2, 1, ROWS) == predictions(home, 1, 1, ROWS)


def test_a_version_that_is_as_good_within_its_tolerance_takes_over(home: Home) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=50)", more=", tolerance=0.5"))
    for day in range(3):
        home.post("rides", rides(200, seed=day, day=day))
        assert not home.run().problems
    found = entry(home, 3)
    assert [version["version"] for version in found["versions"]] == [3, 2, 1]
    assert found["champion"] == 3
    assert promoted(home) == [{"m": 1}, {"m": 2}, {"m": 3}]
    assert found["versions"][0]["holdout"]["incumbent"] > 0


def test_the_gate_compares_models_that_have_not_seen_the_holdout(home: Home) -> None:
    """A champion that is refit on all rows would know them by heart, and no new version could ever beat it."""
    home_with(home, model("RandomForestClassifier(min_samples_leaf=1)", label="long", task="binary"))
    events = rides(300, noise=30.0)
    home.post("rides", events)
    home.run()
    home.post("rides", rides(3, seed=5, day=1, noise=30.0))
    home.run()
    holdout = entry(home, 2)["versions"][0]["holdout"]
    assert holdout["incumbent"] == pytest.approx(entry(home, 1)["versions"][0]["holdout"]["loss"], rel=0.2)


def test_the_incumbent_is_the_champion_that_the_log_names(home: Home) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=50)", more=", tolerance=9.0"))
    for day in range(2):
        home.post("rides", rides(200, seed=day, day=day))
        home.run()
    home.log.mark({"kind": "model_rolled_back", "model": "m", "version": 1, "previous": 2})
    home_with(home, model("DummyRegressor(strategy='constant', constant=1e4)"), file="bad.py")
    home.run()
    found = entry(home, 3)
    assert found["champion"] == 1
    of_first = found["versions"][0]["holdout"]["incumbent"]
    home.log.mark({"kind": "model_promoted", "model": "m", "version": 2, "previous": 1})
    home.run()
    assert entry(home, 4)["champion"] == 2
    assert entry(home, 4)["versions"][0]["holdout"]["incumbent"] != of_first


def test_features_of_another_definition_begin_anew(home: Home) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=20)"))
    home.post("rides", rides(100))
    home.run()
    home_with(
        home, model("LGBMRegressor(n_estimators=20)").replace("ride.at.hour < 6", "ride.at.hour < 7"), file="b.py"
    )
    assert not home.run().problems
    found = entry(home, 2)
    assert [version["version"] for version in found["versions"]] == [2]
    assert (found["champion"], promoted(home)) == (2, [{"m": 1}, {"m": 2}])
    with pytest.raises(VersionError, match="another definition"):
        home.open(1).predictor(home.app.models["m"], 1)
