"""What an estimator answers, told as predictions of its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anabranch.model import LabelValue, Task
from batch.errors import ModelFileError
from batch.models.encoding import Encoding
from batch.models.predictor import VersionPredictor
from eventlog.store.errors import StoreUnavailableError

ENCODING = Encoding({"a": "number"}, {})


def present(task: Task, classes: list[LabelValue], raw: Any) -> Any:
    answers = np.asarray(raw, dtype=np.float64)
    predictor = VersionPredictor(1, task, ENCODING, classes, lambda matrix: answers)
    return predictor.predict([{"a": 1.0}] * len(answers))


@pytest.mark.parametrize(
    ("task", "classes", "raw", "expected"),
    [
        ("regression", [], [1.5, -2.0], [1.5, -2.0]),
        ("binary", [False, True], [0.25], [{False: 0.75, True: 0.25}]),  # a binary LightGBM: of the second class
        ("binary", [False, True], [[0.25, 0.75]], [{False: 0.25, True: 0.75}]),
        ("binary", [True], [[1.0]], [{True: 1.0, False: 0.0}]),  # it never saw the other
        ("binary", [False], [[1.0]], [{False: 1.0, True: 0.0}]),
        ("multiclass", ["x", "y"], [0.25], [{"x": 0.75, "y": 0.25}]),  # two classes: a binary LightGBM does it
        ("multiclass", ["x", "y", "z"], [[0.5, 0.25, 0.25]], [{"x": 0.5, "y": 0.25, "z": 0.25}]),
        ("multiclass", [3, 7], [[0.5, 0.5]], [{3: 0.5, 7: 0.5}]),
    ],
)
def test_an_answer_is_a_number_or_the_probability_of_every_class(
    task: Task, classes: list[LabelValue], raw: Any, expected: Any
) -> None:
    found = present(task, classes, raw)
    assert found == expected
    assert {type(value) for part in found for value in (part.values() if isinstance(part, dict) else [part])} == {float}


def test_the_estimator_is_asked_once_with_the_features_of_all_rows_as_numbers() -> None:
    asked: list[Any] = []

    def raw(matrix: Any) -> Any:
        asked.append(matrix.tolist())
        return matrix[:, 0] * 2

    predictor = VersionPredictor(1, "regression", ENCODING, [], raw)
    assert predictor.predict([{"a": 1}, {"a": 2.5, "unknown": "x"}]) == [2.0, 5.0]
    assert asked == [[[1.0], [2.5]]]
    assert predictor.predict([]) == []
    assert len(asked) == 1, "nothing was asked about nothing"


def test_a_file_that_cannot_be_read_now_says_nothing_of_the_version(tmp_path: Path) -> None:
    held = {"format": "skops", "encoding": {}}
    path = tmp_path / "model"
    path.symlink_to(path)  # a link that leads to itself stands for a disk that does not answer
    with pytest.raises(StoreUnavailableError):
        VersionPredictor.open(1, "regression", held, path)
    path.unlink()
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        VersionPredictor.open(1, "regression", held, path)
