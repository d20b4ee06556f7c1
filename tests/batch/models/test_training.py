"""Any estimator of scikit-learn or LightGBM is trained; the best candidate wins."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from batch.run_progress import MODEL_STAGES, STAGES
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post
from tests.batch.models.training import ODD_ROWS, ROWS, entry, home_with, model, predictions, promoted, rides
from tests.batch.test_run import Crash, CrashAt
from tests.generation_files import file_of
from tests.home_key import KEY

REGRESSORS = [
    "LGBMRegressor(n_estimators=100)",
    "HistGradientBoostingRegressor()",
    "Ridge()",
    "make_pipeline(StandardScaler(), Ridge())",
]


CLASSIFIERS = [
    "LGBMClassifier(n_estimators=100)",
    "HistGradientBoostingClassifier()",
    "LogisticRegression(max_iter=1000)",
    "RandomForestClassifier(n_estimators=20)",
]


def test_any_regressor_learns_texts_and_gaps_and_predicts_what_it_never_saw(home: Home) -> None:
    home_with(home, *(model(batch, f"m{place}") for place, batch in enumerate(REGRESSORS)))
    home.post("rides", rides(800))
    assert not home.run().problems
    for place in range(len(REGRESSORS)):
        found = predictions(home, 1, 1, ROWS, f"m{place}")
        assert all(type(part) is float for part in found)
        for row, part in zip(ROWS, found, strict=True):
            assert part == pytest.approx(10.0 * "ABCD".index(row["station"]) + row["size"], abs=4.0), REGRESSORS[place]
        assert all(math.isfinite(part) for part in predictions(home, 1, 1, ODD_ROWS, f"m{place}"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_any_classifier_says_the_probability_of_every_class(home: Home, task: str) -> None:
    label = {"binary": "long", "multiclass": "kind"}[task]
    home_with(home, *(model(batch, f"m{place}", label, task) for place, batch in enumerate(CLASSIFIERS)))
    home.post("rides", rides(800))
    assert not home.run().problems
    classes: list[Any] = [False, True] if task == "binary" else list("abcd")
    for place in range(len(CLASSIFIERS)):
        found = predictions(home, 1, 1, ROWS + ODD_ROWS, f"m{place}")
        for part in found:
            assert sorted(part) == classes
            assert sum(part.values()) == pytest.approx(1.0)
        best = [max(part, key=part.get) for part in found[:8]]
        expected = [False] * 3 + [True] * 5 if task == "binary" else list("aabbccdd")
        wrong = [index for index in range(8) if best[index] != expected[index]]
        assert set(wrong) <= ({2, 3, 4} if task == "binary" else set()), CLASSIFIERS[place]


def test_classes_may_be_whole_numbers(home: Home) -> None:
    home_with(home, model("LGBMClassifier(n_estimators=20)", label="grade", task="multiclass"))
    home.post("rides", rides(300))
    home.run()
    part = predictions(home, 1, 1, [{"station": "C", "size": 3.0}])[0]
    assert (sorted(part), max(part, key=part.get)) == ([0, 1, 2, 3], 2)


def test_a_prediction_does_not_depend_on_the_rows_beside_it(home: Home) -> None:
    home_with(home, *(model(batch, f"m{place}") for place, batch in enumerate(REGRESSORS)))
    home.post("rides", rides(300))
    home.run()
    many: list[dict[str, Any]] = [{"station": "ABCD"[i % 4], "size": i / 7, "night": i % 3 == 0} for i in range(150)]
    for place in range(len(REGRESSORS)):
        together = predictions(home, 1, 1, many, f"m{place}")
        generation = home.open(1)
        predictor = generation.predictor(home.app.models[f"m{place}"], 1)
        assert [predictor.predict([row])[0] for row in many] == together
        assert predictor.predict(many[:33]) == together[:33]
        assert predictor.predict([]) == []
        assert predictor is generation.predictor(home.app.models[f"m{place}"], 1)
        assert predictor.version == 1
        generation.close()


@pytest.mark.parametrize("batch", ["LGBMClassifier()", "LogisticRegression()"])
def test_one_class_only_is_a_constant_probability(home: Home, batch: str) -> None:
    home_with(home, model(batch, label="long", task="binary"))
    home.post("rides", [{**ride, "long": False} for ride in rides(100)])
    assert not home.run().problems
    assert predictions(home, 1, 1, ROWS[:1]) == [{False: 1.0, True: 0.0}]


def test_a_class_that_only_the_holdout_has_does_no_harm(home: Home) -> None:
    home_with(home, model("LGBMClassifier(n_estimators=10)", label="kind", task="multiclass"))
    events = rides(200)
    home.post("rides", [{**ride, "kind": "late" if place > 190 else ride["kind"]} for place, ride in enumerate(events)])
    assert not home.run().problems
    holdout = entry(home, 1)["versions"][0]["holdout"]
    assert 0.5 < holdout["loss"] < math.log(1e6)
    assert sorted(predictions(home, 1, 1, ROWS[:1])[0]) == ["a", "b", "c", "d", "late"], "the served one knows all rows"


def test_the_best_candidate_wins_and_the_others_are_reported(home: Home) -> None:
    batch = "{'mean': DummyRegressor(), 'broken': Broken(), 'nan': Nowhere(), 'trees': LGBMRegressor(n_estimators=50)}"
    home_with(home, model(batch))
    home.post("rides", rides(400))
    outcome = home.run(pickles=KEY)
    found = entry(home, 1)
    assert found["versions"][0]["candidate"] == "trees"
    reported = found["report"]["candidates"]
    assert reported["trees"]["loss"] < reported["mean"]["loss"]
    assert reported["trees"]["loss"] == found["versions"][0]["holdout"]["loss"]
    assert "broken as planted" in reported["broken"]["error"]
    assert "not finite" in reported["nan"]["error"]
    assert len(outcome.problems) == 2
    assert any("broken as planted" in problem for problem in outcome.problems)


@pytest.mark.parametrize(
    "batch", ["Broken()", "1 // 0", "None", "[]", "object()", "{'bad': Broken(), 'worse': LinearSVC()}"]
)
def test_where_nothing_can_be_trained_the_views_are_published_and_the_run_says_so(home: Home, batch: str) -> None:
    home_with(home, model(batch), model("LGBMRegressor(n_estimators=5)", "good"))
    home.post("rides", rides(60))
    outcome = home.run()
    assert home.served(1)["usage"]
    assert (entry(home, 1)["versions"], entry(home, 1)["champion"]) == ([], None)
    assert entry(home, 1, "good")["champion"] == 1
    assert any("'m'" in problem for problem in outcome.problems)
    assert promoted(home) == [{"good": 1}]


def test_early_stopping_takes_fewer_rounds_and_the_served_model_as_many(home: Home) -> None:
    import lightgbm

    home_with(home, model("LGBMRegressor(n_estimators=2000, learning_rate=0.2)"))
    home.post("rides", rides(1_000, noise=5.0))
    home.run()
    version = entry(home, 1)["versions"][0]
    trees = [
        lightgbm.Booster(model_file=file_of(home.path, file)).num_trees()
        for file in (version["file"], version["gate"]["file"])
    ]
    assert trees[0] == trees[1] < 1_000


def test_the_same_log_cut_and_seed_give_the_same_predictions(home: Home, tmp_path: Path) -> None:
    batch = "{'a': LGBMRegressor(n_estimators=50, subsample=0.7, subsample_freq=1, colsample_bytree=0.7)}"
    forest = "RandomForestClassifier(n_estimators=20)"
    models = [model(batch), model(forest, "forest", "kind", "multiclass")]
    (tmp_path / "other").mkdir()
    other = Home(tmp_path / "other")
    found = []
    for place, options in ((home, {}), (other, {"slice_records": 77})):
        home_with(place, *models)
        for day in range(2):
            place.post("rides", rides(200, seed=day, day=day))
            place.run(**options)
        found.append([predictions(place, 2, 2, ROWS + ODD_ROWS, name) for name in ("m", "forest")])
    other.close()
    assert found[0] == found[1]


def test_late_and_own_labels_train_together_and_the_report_is_in_the_registry(home: Home) -> None:
    learning_home(home)
    for day in range(2):
        post(home, 200, seed=day, day=day)
        outcome = home.run()
    row = home.runs.get(outcome.run)
    assert row is not None
    assert sorted(row.report) == ["acceptance", "duration", "where"]
    duration = row.report["duration"]
    assert sorted(duration["candidates"]) == ["histogram", "line", "trees"]
    assert duration["holdout"]["loss"] == min(found["loss"] for found in duration["candidates"].values())
    assert duration["version"] == 2
    assert duration["skew"] == {"checked": 0, "unequal": 0, "examples": []}
    assert [stage["name"] for stage in row.stages] == list(STAGES)
    assert all(stage["done"] == stage["total"] for stage in row.stages)


@pytest.mark.parametrize("stage", [*MODEL_STAGES, "publish"])
def test_a_run_that_breaks_off_among_the_models_leaves_the_next_to_succeed(home: Home, stage: str) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=5)"))
    home.post("rides", rides(100))
    home.run()
    home.post("rides", rides(50, seed=1, day=1))
    with pytest.raises(Crash):
        home.run(progress=CrashAt(stage))
    outcome = home.run()
    assert not outcome.problems
    assert entry(home, outcome.generation)["versions"][0]["rows"] == 150
    assert [version["version"] for version in entry(home, 2)["versions"]] == [2, 1]
