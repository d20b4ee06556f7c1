"""The files of versions: which are kept, and what becomes of one that is damaged."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from batch.errors import CorruptGenerationError, ModelFileError, VersionError
from batch.generation import Generation
from eventlog.home_key import HomeKey
from tests.batch.conftest import Home
from tests.batch.models.training import ROWS, entry, home_with, model, predictions, rides
from tests.batch.test_run import damage
from tests.generation_files import file_of, view_file
from tests.home_key import KEY


def test_the_newest_versions_and_the_champion_are_carried(home: Home) -> None:
    home_with(home, model("DummyRegressor(strategy='constant', constant=5.0)"))
    home.post("rides", rides(40))
    home.run()
    home_with(home, model("DummyRegressor(strategy='constant', constant=1e4)"), file="bad.py")
    for _ in range(9):
        home.run()
    found = entry(home, 10)
    assert [version["version"] for version in found["versions"]] == [10, 9, 8, 7, 6, 5, 4, 3, 1]
    assert predictions(home, 10, 1, ROWS[:1]) == [5.0]
    with pytest.raises(VersionError, match="no version 2 of 'm'; it has 10, 9"):
        home.open(10).predictor(home.app.models["m"], 2)


def test_a_file_that_is_not_the_published_one_is_never_opened(home: Home) -> None:
    home_with(home, model("Ridge()"), model("LGBMRegressor(n_estimators=5)", "trees"))
    home.post("rides", rides(60))
    home.run()
    assert entry(home, 1)["versions"][0]["format"] == "skops"
    stored = file_of(home.path, entry(home, 1)["versions"][0]["file"])
    evil = pickle.dumps(Path("/"))
    stored.unlink()
    stored.write_bytes(evil)
    with pytest.raises(CorruptGenerationError, match=stored.name):
        home.open(1).predictor(home.app.models["m"], 1)
    damage(file_of(home.path, entry(home, 1, "trees")["versions"][0]["file"]), "altered")
    with pytest.raises(CorruptGenerationError):
        home.open(1).predictor(home.app.models["trees"], 1)
    outcome = home.run()
    assert len([problem for problem in outcome.problems if "is lost" in problem]) == 2
    assert [version["version"] for version in entry(home, 2)["versions"]] == [2]
    assert home.open(2).predictor(home.app.models["m"], 2).predict(ROWS[:1])


def test_an_estimator_that_cannot_be_opened_any_more_says_so(home: Home, tmp_path: Path) -> None:
    from batch.models.predictor import VersionPredictor

    path = tmp_path / "m.pickle"
    path.write_bytes(b"cno_such_module\nThing\n.")
    held = {"format": "pickle", "encoding": {"kinds": {}, "categories": {}, "classes": []}}
    with pytest.raises(ModelFileError, match="no_such_module"):
        VersionPredictor.open(1, "regression", held, path)


def test_a_champion_whose_generation_is_damaged_is_carried_from_another(home: Home) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=20)", more=", tolerance=9.0"))
    for day in range(2):
        home.post("rides", rides(100, seed=day, day=day))
        home.run()
    damage(view_file(home.path, 2, "usage"), "altered")
    home.run()
    assert [version["version"] for version in entry(home, 3)["versions"]] == [3, 2, 1]


OWN = "{'own': Mean()}"
MEAN = """
class Mean(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self
    def predict(self, X):
        return np.full(len(X), self.mean_)
"""


def test_a_class_of_the_user_is_trained_where_the_settings_allow_pickles_and_else_named(home: Home) -> None:
    home_with(home, MEAN, model(OWN))
    home.post("rides", rides(60))
    refused = next(problem for problem in home.run().problems if "own failed" in problem)
    assert "model 'm'" in refused
    assert "ANABRANCH_PICKLE_MODELS" in refused
    assert entry(home, 1)["versions"] == []
    assert not home.run(pickles=KEY).problems
    allowed = Generation.open(home.blobs, home.publication(2), KEY)
    assert len(allowed.predictor(home.app.models["m"], 2).predict(ROWS)) == len(ROWS)
    with pytest.raises(ModelFileError, match="ANABRANCH_PICKLE_MODELS does not allow it"):
        home.open(2).predictor(home.app.models["m"], 2)
    allowed.close()


def test_a_pickle_of_another_home_is_no_champion_and_is_trained_anew(home: Home) -> None:
    home_with(home, MEAN, model(OWN))
    home.post("rides", rides(60))
    home.run(pickles=HomeKey(b"the key of the home that was here"))
    foreign = Generation.open(home.blobs, home.publication(1), KEY)
    with pytest.raises(ModelFileError, match="not stored with the key of this home"):
        foreign.predictor(home.app.models["m"], 1)
    foreign.close()
    outcome = home.run(pickles=KEY)
    assert [
        problem
        for problem in outcome.problems
        if "the champion failed" in problem and "the key of this home" in problem
    ]
    assert entry(home, 2)["champion"] == 2
    assert not home.run(pickles=KEY).problems
    assert entry(home, 3)["versions"][0]["holdout"]["incumbent"] is not None
