"""The files of versions: which are kept, and what becomes of one that is damaged."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from batch.errors import CorruptGenerationError, ModelFileError, VersionError
from tests.batch.conftest import Home
from tests.batch.models.training import ROWS, entry, home_with, model, predictions, rides
from tests.batch.test_run import damage


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
    assert sorted(path.name for path in home.generations.iterdir()) == ["10", "8", "9"]
    with pytest.raises(VersionError, match="no version 2 of 'm'; it has 10, 9"):
        home.open(10).predictor(home.app.models["m"], 2)


def test_a_file_that_is_not_the_published_one_is_never_opened(home: Home) -> None:
    home_with(home, model("Ridge()"), model("LGBMRegressor(n_estimators=5)", "trees"))
    home.post("rides", rides(60))
    home.run()
    pickled = home.generations / "1" / entry(home, 1)["versions"][0]["file"]["path"]
    assert pickled.suffix == ".pickle"
    evil = pickle.dumps(Path("/"))
    pickled.unlink()
    pickled.write_bytes(evil)
    with pytest.raises(CorruptGenerationError, match=str(pickled)):
        home.open(1).predictor(home.app.models["m"], 1)
    damage(home.generations / "1" / entry(home, 1, "trees")["versions"][0]["file"]["path"], "altered")
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
    damage(home.generations / "2" / "views" / "usage.sqlite", "altered")
    home.run()
    assert [version["version"] for version in entry(home, 3)["versions"]] == [3, 2, 1]
