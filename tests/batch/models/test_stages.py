"""The stages of models in a run: what they keep of the last one, and what breaks off without harm to the views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from batch.archive import archive
from batch.capacity import Capacity
from batch.cluster import OwnProcess
from batch.exchange import Exchange
from batch.generation import Generation
from batch.models.stages import ModelStages, report
from batch.plan import plan
from batch.run_progress import NoProgress
from batch.views.fold_all import fold_all
from batch.views.slice_fold import SliceDelta
from eventlog.errors import LeaseLostError
from tests.batch.conftest import Home
from tests.batch.models.learning import learning_home, post
from tests.generation_files import file_of


@pytest.fixture
def learning(home: Home) -> Home:
    learning_home(home)
    post(home, 80)
    return home


def nothing() -> None:
    """The lease is held."""


def stages(home: Home, problems: list[str], check: Callable[[], None] = nothing) -> ModelStages:
    folder = home.path / "run"
    folder.mkdir(exist_ok=True)
    return ModelStages(
        app=home.app,
        capacity=Capacity(home.app_path, None, None, 50, exchange=Exchange.of(home.lake.blobs, "run", folder)),
        lake=home.lake,
        blobs=home.blobs,
        folder=folder,
        distributed_bytes=10**9,
        progress=NoProgress(),
        check=check,
        problem=problems.append,
    )


def folded(home: Home, models: ModelStages, base: Generation | None) -> tuple[Any, list[SliceDelta]]:
    """The slices of a run, and what they add to the views."""
    end = home.log.end()
    archive(home.log, home.lake, home.app, end, lambda records: None)
    workers = OwnProcess()
    parts = models.parts(end.offsets[0], workers)
    groups = plan(home.app.views.values(), base)
    tasks = models.capacity.tasks(home.app, home.lake, groups, end.offsets[0], workers, parts)
    return parts, sorted(fold_all(workers, tasks), key=lambda delta: delta.part)


def test_rows_and_views_go_on_together_or_begin_together(learning: Home) -> None:
    problems: list[str] = []
    first = stages(learning, problems)
    assert first.keep(None) is None
    assert set(first.starts()) == {0}
    learning.run()
    base = learning.open(1)
    second = stages(learning, problems)
    assert second.keep(base) is base
    assert set(second.starts()) == {base.end}
    file = base.manifest["models"]["where"]["rows"]["files"][0]
    file_of(learning.path, file).write_bytes(b"damaged")
    third = stages(learning, problems)
    assert third.keep(base) is None, "the rows of one model need the views from the beginning on"
    assert {name: rows.start for name, rows in third.rows.items()}["where"] == 0
    assert ["'where'" in problem for problem in problems] == [True]
    base.close()


def test_an_application_without_models_lets_the_views_choose_their_slices(home: Home) -> None:
    models = stages(home, [])
    assert models.keep(None) is None
    assert models.starts() == []
    assert models.parts(1_000, OwnProcess()) is None


class Dying(OwnProcess):
    """Workers that die of the last task."""

    def outcomes(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        for at, (task, outcome) in enumerate(super().outcomes(function, tasks), 1):
            yield task, outcome if at < len(tasks) else MemoryError("planted")


def test_a_replay_that_breaks_off_gives_all_rows_up_rather_than_keep_some(learning: Home) -> None:
    problems: list[str] = []
    models = stages(learning, problems)
    models.keep(None)
    parts, deltas = folded(learning, models, None)
    models.replay(Dying(), parts, deltas, None)
    assert [rows.files for rows in models.rows.values()] == [[]] * 3
    assert all("planted" in str(rows.error) for rows in models.rows.values())
    assert len(problems) == 1
    assert problems[0].startswith("no model is trained")


def test_a_run_that_lost_its_lease_does_not_take_that_for_a_broken_replay(learning: Home) -> None:
    def lost() -> None:
        raise LeaseLostError("batch", 1, 2)

    problems: list[str] = []
    models = stages(learning, problems, lost)
    models.keep(None)
    parts, deltas = folded(learning, models, None)
    with pytest.raises(LeaseLostError):
        models.replay(OwnProcess(), parts, deltas, None)
    assert problems == []


def test_the_record_of_a_run_tells_of_its_own_version_and_of_no_other() -> None:
    told = {"candidates": {"a": {"loss": 1.0}}, "skew": {}, "failed": {"count": 0, "examples": []}}
    mine = {"version": 7, "promoted": False, "candidate": "a", "rows": 9, "holdout": {"loss": 1.0}}
    old = {"version": 6, "promoted": True, "candidate": "b", "rows": 5, "holdout": {"loss": 2.0}}
    manifest = {"trained": {"versions": [mine, old], "report": told}, "carried": {"versions": [old], "report": told}}
    found = report(manifest, 7)
    assert found["trained"] == {**mine, **told}
    nothing_new = {"version": None, "promoted": False, "candidate": None, "rows": None, "holdout": None}
    assert found["carried"] == {**nothing_new, **told}
