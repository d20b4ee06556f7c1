"""Workers that share no folder with the run but the store: other homes, other working folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch.run import Outcome
from eventlog.lake import Lake
from eventlog.store.blobs import Blobs
from eventlog.store.opening import open_store
from tests.batch.conftest import APPLICATION, Home
from tests.batch.models.learning import learning_home, post
from tests.batch.rides import rides
from tests.batch.views.test_roads import assert_same, folded
from tests.workers_apart import cluster


class Elsewhere(Home):
    """A home whose store lies elsewhere."""

    store = ""

    @property
    def blobs(self) -> Blobs:
        return Blobs(open_store(self.store), self.path / "cache")

    def run(self, **options: Any) -> Outcome:
        self.lake = Lake(self.blobs, lambda: self.log.id)
        return super().run(**options)


@pytest.fixture(params=["folder", "bucket"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Elsewhere]:
    """A home whose store is a folder, or a bucket."""
    (tmp_path / "home").mkdir()
    home = Elsewhere(tmp_path / "home", APPLICATION)
    home.store = str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
    yield home
    home.close()


def test_they_train_on_rows_that_they_get_of_the_store(elsewhere: Elsewhere, tmp_path: Path) -> None:
    learning_home(elsewhere)
    post(elsewhere, 250)
    with cluster(tmp_path / "cluster") as address:
        problems = elsewhere.run(dask=address, slice_records=100).problems
    assert all("they are left out" in problem for problem in problems), "but for events that were planted"
    found = elsewhere.open(1)
    assert all(found.manifest["models"][name]["champion"] == 1 for name in elsewhere.app.models)
    found.close()
    assert list(elsewhere.blobs.store.list("runs")) == []


def test_they_fold_what_this_process_folds_and_leave_nothing_in_the_store(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere.post("rides", rides(300))
    with cluster(tmp_path / "cluster") as address:
        elsewhere.run(dask=address, slice_records=40)
        elsewhere.post("rides", rides(100, seed=1))
        elsewhere.run(dask=address, slice_records=40)
    served = elsewhere.served(2)
    for view in elsewhere.app.views.values():
        assert_same(served[view.name], folded(elsewhere, view))
    assert list(elsewhere.blobs.store.list("runs")) == []
    assert {path.name for path in elsewhere.path.iterdir()} <= {"batch", "cache", "log.db", "log.db-shm", "log.db-wal"}
    for number in range(2):
        assert list((tmp_path / "cluster" / f"worker-{number}" / "temporary").glob("anabranch-*")) == []
