"""What a worker does to train: its answer says what came of a task, whatever an estimator does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anabranch.feature_kinds import Kinds
from batch.models.train import ROWS_A_THREAD, FitResult, FitTask, ScoreResult, ScoreTask, failed, threads_worth, work
from batch.models.training_table import TrainingTable
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob
from tests.batch.models.training import HEAD, model

KINDS: Kinds = {"size": "number", "place": "text"}
COUNT = 90
BATCH = "{'mean': DummyRegressor(), 'line': Ridge(), 'broken': Broken(), 'nan': Nowhere()}"


MISSING = Blob("ab", 2, "blobs/ab")


@pytest.fixture
def app(tmp_path: Path) -> str:
    path = tmp_path / "app.py"
    path.write_text(HEAD + model(BATCH))
    return str(path)


@pytest.fixture
def table(tmp_path: Path) -> TrainingTable:
    """Rows whose label is ten times the size, in several row groups."""
    sizes = [float(number % 7) for number in range(COUNT)]
    places: list[Any] = ["A", "B", None] * (COUNT // 3)
    columns = {"_label": [10 * size for size in sizes], "size": sizes, "place": places}
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=8)
    return TrainingTable(str(path), KINDS, COUNT)


def store(table: TrainingTable) -> StoreAddress:
    folder = Path(table.path).parent
    return StoreAddress(str(folder / "store"), str(folder / "cache"))


def fit(app: str, table: TrainingTable, candidate: str, end: int, **more: Any) -> FitResult:
    more.setdefault("pickles", candidate == "nan")  # a class of the user's own is stored in no other way
    found = work(FitTask(app, "m", candidate, table, end, more.pop("rounds", None), store(table), **more))
    assert isinstance(found, FitResult)
    return found


def test_a_candidate_is_scored_on_the_rows_that_it_was_not_fitted_on(app: str, table: TrainingTable) -> None:
    end = 60
    labels = pq.read_table(table.path)["_label"].to_pylist()
    mean = sum(labels[:end]) / end
    expected = sum((label - mean) ** 2 for label in labels[end:]) / (COUNT - end)
    found = fit(app, table, "mean", end)
    assert found.loss == pytest.approx(expected)
    assert found.error is None
    assert found.blob is not None
    assert store(table).opened().fetch(found.blob).is_file()
    line = fit(app, table, "line", end)
    assert line.loss is not None
    assert line.loss < expected


def test_what_is_fitted_on_all_rows_has_no_loss_and_is_stored_all_the_same(app: str, table: TrainingTable) -> None:
    found = fit(app, table, "line", COUNT)
    assert (found.loss, found.error) == (None, None)
    assert found.blob is not None
    assert store(table).opened().fetch(found.blob).is_file()


def test_a_champion_is_scored_as_it_was_when_it_was_a_candidate(app: str, table: TrainingTable) -> None:
    fitted = fit(app, table, "line", 60)
    assert fitted.held is not None
    assert fitted.blob is not None
    found = work(ScoreTask(app, "m", 3, fitted.held, fitted.blob, store(table), table, 60))
    assert isinstance(found, ScoreResult)
    assert found.loss == fitted.loss


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [("broken", "broken as planted"), ("nan", "not finite"), ("no such", "no such")],
)
def test_whatever_an_estimator_raises_is_the_answer(
    app: str, table: TrainingTable, candidate: str, reason: str
) -> None:
    found = fit(app, table, candidate, 60)
    assert reason in str(found.error)
    assert (found.model, found.candidate, found.loss) == ("m", candidate, None)


def test_a_champion_that_cannot_be_opened_has_no_loss_but_a_reason(app: str, table: TrainingTable) -> None:
    held = {"format": "lightgbm", "encoding": {"kinds": {}, "categories": {}, "classes": []}}
    found = work(ScoreTask(app, "m", 1, held, MISSING, store(table), table, 60))
    assert isinstance(found, ScoreResult)
    assert found.loss is None
    assert "blobs/ab" in str(found.error)
    assert "is missing" in str(found.error)


def test_a_task_whose_process_died_is_answered_in_its_name(app: str, table: TrainingTable) -> None:
    score = ScoreTask(app, "m", 1, {}, MISSING, store(table), table, 0)
    assert failed(score, MemoryError("planted")) == ScoreResult("m", None, "MemoryError: planted")
    result = failed(FitTask(app, "m", "line", table, 60, None, store(table)), MemoryError("planted"))
    assert result == FitResult("m", "line", error="MemoryError: planted")


@pytest.mark.parametrize(("rows", "threads"), [(0, 1), (ROWS_A_THREAD - 1, 1), (3 * ROWS_A_THREAD, 3), (10**9, 8)])
def test_few_rows_are_not_worth_many_threads(rows: int, threads: int) -> None:
    task = FitTask("", "m", "line", TrainingTable("", {}, rows), rows, None, StoreAddress("", ""), threads=8)
    assert threads_worth(task) == threads
