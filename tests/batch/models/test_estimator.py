"""What is done to an estimator before it is fitted, and what is left as the user wrote it."""

from __future__ import annotations

from typing import Any

import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from batch.models.estimator import is_lightgbm, lightgbm_settings, settle, trains_together
from tests.batch.models import model_application

DURATION = model_application.app.models["duration"]


def settled(estimator: Any, threads: int = 4) -> dict[str, Any]:
    settle(estimator, 17, threads)
    found: dict[str, Any] = estimator.get_params(deep=True)
    return found


def test_only_what_was_left_without_a_seed_gets_that_of_the_model_also_inside_pipelines() -> None:
    assert settled(RandomForestRegressor())["random_state"] == 17
    assert settled(RandomForestRegressor(random_state=3))["random_state"] == 3
    inside = settled(make_pipeline(StandardScaler(), RandomForestRegressor()))
    assert inside["randomforestregressor__random_state"] == 17
    assert settled(make_pipeline(StandardScaler(), Ridge(random_state=5)))["ridge__random_state"] == 5


@pytest.mark.parametrize(("asked", "used"), [(None, 4), (-1, 4), (99, 4), (2, 2)])
def test_no_estimator_takes_more_threads_than_it_may(asked: int | None, used: int) -> None:
    assert settled(RandomForestRegressor(n_jobs=asked))["n_jobs"] == used


def test_what_has_no_parameters_is_left_alone() -> None:
    class Own:
        def fit(self) -> None: ...

    settle(Own(), 17, 4)


def test_what_the_user_said_to_lightgbm_stays() -> None:
    said = lightgbm_settings(DURATION, LGBMRegressor())
    assert (said["deterministic"], said["force_row_wise"], said["metric"]) == (True, True, "l2")
    asked = lightgbm_settings(DURATION, LGBMRegressor(force_col_wise=True, metric="mae", deterministic=False))
    assert asked.keys().isdisjoint({"deterministic", "force_row_wise", "metric"})


class Derived(LGBMRegressor):
    """A user's own: what it overrides, a distributed fit would pass by."""


def test_only_the_very_classes_of_lightgbm_train_on_several_workers_together() -> None:
    told = [(is_lightgbm(made), trains_together(made)) for made in (LGBMClassifier(), Derived(), Ridge())]
    assert told == [(True, True), (True, False), (False, False)]
