"""LightGBM on two workers of a cluster together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from distributed import LocalCluster

from tests.batch.conftest import Home
from tests.batch.models.training import ODD_ROWS, ROWS, entry, home_with, model, predictions, rides

pytest.importorskip("pandas")  # of the extra `cluster`


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster:
        yield cluster


@pytest.mark.parametrize(("label", "task"), [("minutes", "regression"), ("long", "binary"), ("kind", "multiclass")])
def test_rows_that_do_not_fit_one_worker_are_trained_on_by_all(home: Home, cluster: Any, label: str, task: str) -> None:
    maker = "LGBMRegressor" if task == "regression" else "LGBMClassifier"
    home_with(home, model(f"{{'together': {maker}(n_estimators=40), 'broken': Broken()}}", label=label, task=task))
    home.post("rides", rides(2_000))
    outcome = home.run(dask=cluster.scheduler_address, slice_records=500, train_bytes=1_000)
    found = entry(home, 1)
    assert found["champion"] == 1
    assert "error" in found["report"]["candidates"]["broken"]
    assert len(outcome.problems) == 1
    parts = predictions(home, 1, 1, ROWS + ODD_ROWS)
    if task == "regression":
        for row, part in zip(ROWS, parts, strict=False):
            assert part == pytest.approx(10.0 * "ABCD".index(row["station"]) + row["size"], abs=2.0)
    else:
        assert [max(part, key=part.get) for part in (parts[0], parts[7])] == (
            [False, True] if task == "binary" else ["a", "d"]
        )
