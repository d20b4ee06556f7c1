"""Recording predictions in the log, without anybody waiting for it.

An answer is put into a buffer and goes out. A thread takes what has gathered, turns it into events of the stream
`PREDICTIONS`, and appends them together. While the log is unavailable the buffer holds the newest predictions; what
it cannot hold is counted, and said once.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

import orjson

from anabranch.instant import iso
from eventlog.decisions import PREDICTIONS, RecordedPrediction
from eventlog.errors import LogUnavailableError
from eventlog.log import Append, Log
from eventlog.log.event_finder import EventFinder

logger = logging.getLogger(__name__)
BUFFERED_MOST = 100_000
"""Predictions that wait to be recorded at most; of more, the oldest are dropped."""
TOGETHER_MOST = 1_000
"""Predictions in one append."""
GATHER_SECONDS = 0.05
RETRY_SECONDS = 0.5
_CHANCE = Random()  # of the process; asking the operating system for every id would cost more than all the rest


class Prediction(NamedTuple):
    """A prediction that was answered. Nobody changes what it holds.

    Attributes
    ----------
    id
        See `prediction_id`.
    model
        The name of the model.
    time_us
        When it was predicted, in microseconds.
    answer
        What was answered.
    versions
        The version of every expert that has versions, by its name.
    example
        The JSON object that was asked about, as it came.
    example_id
        Its id in its stream, if it has one.
    """

    id: str
    model: str
    time_us: int
    answer: Mapping[str, Any]
    versions: Mapping[str, int]
    example: bytes
    example_id: str | None

    def recorded(self) -> RecordedPrediction:
        """What is recorded. Made when it is written, not when it is answered: nobody who predicts waits for it."""
        answer = self.answer
        return RecordedPrediction(
            prediction_id=self.id,
            model=self.model,
            time=iso(self.time_us),
            prediction=answer["prediction"],
            probabilities=answer.get("probabilities"),  # a regression has none
            parts=answer["parts"],
            weights=answer["weights"],
            features=answer["features"],
            generation=answer["generation"],
            batch_cut=answer["batch_cut"],
            speed_cut=answer["speed_cut"],
            versions=self.versions,
            example=_loaded(self.example),
            example_id=self.example_id,
        )


class Recorder:
    """The buffer, and the thread that empties it.

    Parameters
    ----------
    log
        Where predictions are appended.
    finder
        Finds them there.
    recording
        False: nothing is recorded; what was recorded before is found all the same.
    most
        See `BUFFERED_MOST`.
    retry_seconds
        How long it waits before it asks a log again that did not take them.

    Attributes
    ----------
    recorded, dropped
        How many predictions this process has recorded, and how many it could not.
    """

    def __init__(
        self,
        log: Log,
        finder: EventFinder,
        *,
        recording: bool = True,
        most: int = BUFFERED_MOST,
        retry_seconds: float = RETRY_SECONDS,
    ):
        self.recording = recording
        self.recorded = 0
        self.dropped = 0
        self._log = log
        self._finder = finder
        self._most = most
        self._retry_seconds = retry_seconds
        self._waiting: deque[Prediction] = deque()
        self._leaving: list[Prediction] = []
        self._changed = threading.Condition(threading.Lock())
        self._closing = threading.Event()
        self._dropping = False
        self._thread: threading.Thread | None = None

    # life

    def start(self) -> None:
        """Begin to empty the buffer."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Record what is left, as far as the log takes it at once. Safe to call twice."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # recording

    def record(self, prediction: Prediction) -> None:
        """Take a prediction over. Takes a microsecond or two, from any thread."""
        with self._changed:
            waiting = self._waiting
            if len(waiting) + len(self._leaving) >= self._most:
                self._drop_oldest()
            waiting.append(prediction)
            if len(waiting) in (1, TOGETHER_MOST):  # else the thread is awake, or gathers
                self._changed.notify()

    def _drop_oldest(self) -> None:
        if self._waiting:
            self._waiting.popleft()
        self.dropped += 1
        if not self._dropping:
            self._dropping = True
            logger.warning("more than %d predictions wait for the log: the oldest are not recorded", self._most)

    def _run(self) -> None:
        while self._take():
            while not self._append(self._leaving):
                if self._closing.wait(self._retry_seconds):
                    if not self._append(self._leaving):
                        self._give_up()
                    break

    def _take(self) -> bool:
        """Wait for predictions, and let some more gather; False: there are none left, and no more will come."""
        with self._changed:
            self._leaving = []  # they are in the log, or given up: until now `find` had to know them
            closing = self._closing
            self._changed.wait_for(lambda: self._waiting or closing.is_set())
            self._changed.wait_for(lambda: len(self._waiting) >= TOGETHER_MOST or closing.is_set(), GATHER_SECONDS)
            self._leaving = [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER_MOST))]
            return bool(self._leaving)

    def _append(self, predictions: list[Prediction]) -> bool:
        """Append predictions; False: the log does not take them now. Their ids keep a second try from doubling them."""
        try:
            self._log.submit(_append_of(predictions)).result()
        except LogUnavailableError as error:
            logger.info("%d predictions wait: %s", len(predictions), error)
            return False
        except Exception:  # whatever it is, the next ones must not wait for ever behind these
            logger.exception("%d predictions could not be recorded", len(predictions))
            self.dropped += len(predictions)
            return True
        self.recorded += len(predictions)
        self._dropping = False
        return True

    def _give_up(self) -> None:
        with self._changed:
            lost = len(self._leaving) + len(self._waiting)
            self._leaving = []
            self._waiting.clear()
            self.dropped += lost
        logger.warning("%d predictions were not recorded: the log is not available", lost)

    # finding

    def find(self, id: str) -> dict[str, Any] | None:  # noqa: A002 (the word of the log)
        """A prediction as it was recorded, or will be in a moment; None if there is none of this id.

        Raises
        ------
        LogUnavailableError
            If the log cannot be asked.
        """
        with self._changed:  # the buffer first: what leaves it afterwards is in the log when that is asked
            buffered = [*self._leaving, *self._waiting]
        for prediction in buffered:
            if prediction.id == id:
                return prediction.recorded().event()
        record = self._finder.find(PREDICTIONS, id)
        return None if record is None else RecordedPrediction.of(record).event()


def prediction_id(now_us: int, chance: Random = _CHANCE) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): it begins with the time, so that later ones sort behind.

    Parameters
    ----------
    now_us
        The time, in microseconds.
    chance
        Where its 62 random bits come from.

    >>> prediction_id(1_700_000_000_123_500, Random(1))[:18]
    '018bcfe5-687b-7800'
    """
    millis, micros = divmod(now_us, 1_000)
    low = 0x8000_0000_0000_0000 | chance.getrandbits(62)
    text = f"{millis << 16 | 0x7000 | (micros << 12) // 1_000:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _append_of(predictions: list[Prediction]) -> Append:
    return Append(
        PREDICTIONS,
        [prediction.id for prediction in predictions],
        [prediction.model for prediction in predictions],
        [prediction.time_us for prediction in predictions],
        [orjson.dumps(prediction.recorded().event()) for prediction in predictions],
    )


def _loaded(example: bytes) -> Any:
    """The example as JSON; pydantic lets NaN and infinity pass where a field may be anything, JSON has none."""
    try:
        return orjson.loads(example)
    except orjson.JSONDecodeError:
        return json.loads(example, parse_constant=lambda _: None)
