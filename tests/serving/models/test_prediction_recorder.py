from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from anabranch import Cut
from eventlog.decisions import PREDICTIONS
from eventlog.errors import LogBusyError, LogUnavailableError
from eventlog.lake import Lake
from eventlog.log import Append, Appended
from eventlog.log.event_finder import EventFinder
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from serving.models.prediction_recorder import TOGETHER_MOST, Prediction, Recorder, prediction_id

NOW = 1_700_000_000_000_000
ANSWER: dict[str, Any] = {
    "prediction": 7.5,
    "parts": {"speed": 7.5},
    "weights": {"speed": 1.0},
    "features": {"hour": 7, "station": "a", "recent": None},
    "prediction_id": "said elsewhere",
    "generation": None,
    "batch_cut": "0:0",
    "speed_cut": "0:3",
    "lag_seconds": 0.0,
}


def prediction(name: str, example: bytes = b'{"station": "a"}', **answer: Any) -> Prediction:
    return Prediction(name, "duration", NOW, {**ANSWER, **answer}, {"batch": 4}, example, "r1")


class Blocked(SqlLog):
    """A log that takes no predictions while it is told so."""

    open = threading.Event()
    tries = 0

    def submit(self, append: Append) -> Future[Appended]:
        self.tries += 1
        if not self.open.is_set():
            raise LogBusyError("the test says so")
        return super().submit(append)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Blocked]:
    database = Database(f"sqlite:///{tmp_path / 'log.db'}")
    log = Blocked(database, Lake(tmp_path / "lake"), clock=lambda: NOW)
    log.open = threading.Event()
    log.open.set()
    yield log
    log.close()
    database.close()


def recorder_of(log: Blocked, **options: Any) -> Recorder:
    assert log.lake is not None
    return Recorder(log, EventFinder(log.database, log, log.lake), **options)


def recorded(log: Blocked) -> list[dict[str, Any]]:
    return [record.data for segment in log.read(Cut(), 10**6) for record in segment.records()]


def test_a_prediction_is_an_event_of_the_log_when_the_recorder_is_closed(log: Blocked) -> None:
    recorder = recorder_of(log)
    recorder.start()
    recorder.record(prediction("p1"))
    recorder.close()

    (segment,) = log.read(Cut())
    (record,) = segment.records()
    assert (record.stream, record.id, record.key, record.time) == (PREDICTIONS, "p1", "duration", NOW)
    assert record.data == {
        "prediction_id": "p1",
        "model": "duration",
        "time": "2023-11-14T22:13:20Z",
        "prediction": 7.5,
        "probabilities": None,
        "parts": {"speed": 7.5},
        "weights": {"speed": 1.0},
        "features": {"hour": 7, "station": "a", "recent": None},
        "versions": {"batch": 4},
        "generation": None,
        "batch_cut": "0:0",
        "speed_cut": "0:3",
        "example": {"station": "a"},
        "example_id": "r1",
    }
    assert (recorder.recorded, recorder.dropped) == (1, 0)


def test_predictions_are_appended_together_and_in_order(log: Blocked) -> None:
    recorder = recorder_of(log)
    names = [f"p{number}" for number in range(TOGETHER_MOST + 10)]
    for name in names:
        recorder.record(prediction(name))
    recorder.start()
    recorder.close()

    assert [data["prediction_id"] for data in recorded(log)] == names
    assert log.tries == 2


def test_a_prediction_is_found_before_and_after_it_is_recorded(log: Blocked) -> None:
    recorder = recorder_of(log)
    recorder.record(prediction("p1"))
    before = recorder.find("p1")
    recorder.start()
    recorder.close()

    assert before is not None
    assert recorder.find("p1") == before == recorded(log)[0]
    assert recorder.find("p2") is None


def test_while_the_log_is_unavailable_the_newest_predictions_are_kept_and_the_others_counted(
    log: Blocked, caplog: pytest.LogCaptureFixture
) -> None:
    log.open.clear()
    recorder = recorder_of(log, most=3)
    for number in range(5):
        recorder.record(prediction(f"p{number}"))
    log.open.set()
    recorder.start()
    recorder.close()

    assert [data["prediction_id"] for data in recorded(log)] == ["p2", "p3", "p4"]
    assert (recorder.recorded, recorder.dropped) == (3, 2)
    assert caplog.text.count("the oldest are not recorded") == 1


def test_what_the_log_does_not_take_is_tried_again(log: Blocked) -> None:
    log.open.clear()
    recorder = recorder_of(log, retry_seconds=0.01)
    recorder.start()
    recorder.record(prediction("p1"))
    until(lambda: log.tries >= 2)
    assert recorder.find("p1") is not None, "it waits outside of the buffer"
    log.open.set()
    until(lambda: recorder.recorded == 1)
    recorder.close()

    assert [data["prediction_id"] for data in recorded(log)] == ["p1"]


def test_a_recorder_that_is_closed_while_the_log_is_away_says_what_is_lost(
    log: Blocked, caplog: pytest.LogCaptureFixture
) -> None:
    log.open.clear()
    recorder = recorder_of(log)
    recorder.start()
    recorder.record(prediction("p1"))
    recorder.close()

    assert recorder.dropped == 1
    assert "1 predictions were not recorded" in caplog.text


def test_a_prediction_that_cannot_be_an_event_harms_no_later_one(log: Blocked) -> None:
    recorder = recorder_of(log)
    recorder.start()
    recorder.record(prediction("p1", parts={"speed": object()}))
    until(lambda: recorder.dropped == 1)
    recorder.record(prediction("p2"))
    recorder.close()

    assert [data["prediction_id"] for data in recorded(log)] == ["p2"]


def test_what_json_has_no_word_for_is_null_in_the_recorded_example(log: Blocked) -> None:
    assert prediction("p1", b'{"more": NaN, "most": [-Infinity]}').recorded().example == {"more": None, "most": [None]}


def test_ids_are_uuids_that_sort_by_time() -> None:
    ids = [prediction_id(NOW + step) for step in range(0, 5_000, 5)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(name).version for name in ids} == {7}
    assert {uuid.UUID(name).variant for name in ids} == {uuid.RFC_4122}


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)  # nobody is told of what is recorded, so that nobody waits for it


def test_a_log_that_is_closed_does_not_keep_the_recorder_from_closing(log: Blocked) -> None:
    recorder = recorder_of(log)
    recorder.start()
    log.close()
    recorder.record(prediction("p1"))
    recorder.close()
    assert recorder.dropped == 1
    with pytest.raises(LogUnavailableError):
        log.append(Append("s", [None], [None], [None], [b"{}"]))
