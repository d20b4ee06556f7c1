"""What each label that comes later teaches: the table of `speed.learning.label_join`, a test a row."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import Label, Stream
from anabranch.model import LabelValue
from speed.learning.label_join import COUNTED, LabelJoin

HOUR = 3_600_000_000


class Landing(BaseModel):
    flight: str
    delay: float


class Log:
    """A join, and what it taught, in order."""

    def __init__(self, missing: float | None = None):
        label = Label(Stream("landings", Landing), field="delay", join="flight", within="6h", missing=missing)
        self.join = LabelJoin(label)
        self.taught: list[tuple[Any, LabelValue]] = []

    def start(self, flight: str | None, hour: float, name: str | None = None) -> None:
        self.join.example(flight, round(hour * HOUR), name or flight, self._teach)

    def land(self, flight: str | None, hour: float, delay: float | None) -> None:
        self.join.label(flight, round(hour * HOUR), delay, self._teach)

    def _teach(self, example: Any, label: LabelValue) -> None:
        self.taught.append((example, label))

    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.join.report().items() if count}


def test_on_time_a_label_teaches_its_example() -> None:
    log = Log()
    log.start("A", 1)
    log.start("B", 2)
    log.land("A", 4, 7.0)
    assert log.taught == [("A", 7.0)]
    assert log.counts() == {"pending": 1, "joined": 1}


def test_early_a_label_waits_for_its_example() -> None:
    log = Log()
    log.land("A", 4, 7.0)
    assert log.taught == []
    log.start("A", 3)
    assert log.taught == [("A", 7.0)]
    assert log.counts() == {"early": 1}


@pytest.mark.parametrize(("delay", "counted"), [(7.0, "duplicate"), (8.0, "corrected")])
def test_twice_a_label_teaches_once(delay: float, counted: str) -> None:
    log = Log()
    log.start("A", 1)
    log.land("A", 2, 7.0)
    log.land("A", 3, delay)
    assert log.taught == [("A", 7.0)]
    assert log.counts() == {"joined": 1, counted: 1}


def test_an_early_label_that_is_corrected_before_its_example_comes_teaches_the_correction() -> None:
    log = Log()
    log.land("A", 2, 7.0)
    log.land("A", 2.5, 9.0)
    log.start("A", 1)
    assert log.taught == [("A", 9.0)]


def test_a_label_with_a_time_beyond_the_span_teaches_nothing() -> None:
    log = Log()
    log.start("A", 1)
    log.land("A", 7.5, 7.0)
    assert log.taught == []
    assert log.counts() == {"unlabelled": 1}
    log.start("Z", 20)
    assert log.counts() == {"pending": 1, "unlabelled": 1, "late": 1}


def test_a_label_that_arrives_after_its_example_was_closed_teaches_nothing() -> None:
    log = Log(missing=0.0)
    log.start("A", 1)
    log.start("B", 7.5)  # the clock passes A by more than six hours
    log.land("A", 3, 7.0)
    assert log.taught == [("A", 0.0)]
    log.start("C", 30)
    assert log.counts()["late"] == 1


def test_exactly_at_the_end_of_the_span_a_label_is_in_time() -> None:
    log = Log(missing=0.0)
    log.start("A", 1)
    log.land("A", 7, 7.0)
    assert log.taught == [("A", 7.0)]


def test_never_and_missing_is_taught_when_the_clock_closes_the_example() -> None:
    log = Log(missing=-1.0)
    log.start("A", 1)
    log.start("B", 2)
    log.land("X", 7.5, 3.0)  # labels move the clock as well
    assert log.taught == [("A", -1.0)]
    assert log.counts() == {"pending": 1, "missing": 1}


def test_without_missing_nobody_learns_from_an_example_without_label() -> None:
    log = Log()
    log.start("A", 1)
    log.start("B", 8)
    assert log.taught == []
    assert log.counts() == {"pending": 1, "unlabelled": 1}


def test_one_label_teaches_every_example_of_its_key() -> None:
    log = Log()
    log.start("A", 1, "first")
    log.start("A", 2, "second")
    log.land("A", 3, 7.0)
    log.start("A", 3.5, "third")
    assert log.taught == [("first", 7.0), ("second", 7.0), ("third", 7.0)]


def test_an_example_or_label_without_key_joins_nothing() -> None:
    log = Log(missing=0.0)
    log.start(None, 1)
    log.land(None, 2, 7.0)
    log.land("A", 2, None)
    log.start("B", 20)
    assert log.taught == []
    assert log.counts() == {"pending": 1, "unlabelled": 1}


def test_a_late_example_whose_span_is_over_is_closed_at_once() -> None:
    log = Log(missing=0.0)
    log.start("A", 20)
    log.start("B", 1)
    assert log.taught == [("B", 0.0)]


def test_nothing_is_remembered_for_longer_than_two_spans() -> None:
    log = Log()
    for hour in range(100):
        log.start(f"flight{hour}", hour)
        log.land(f"flight{hour}", hour + 0.5, 1.0)
        log.land(f"other{hour}", hour, 1.0)
    assert len(log.join._waiting) <= 8
    assert len(log.join._remembered) <= 28
    assert len(log.join._closing) <= 8
    assert len(log.join._forgetting) <= 28


def test_what_a_checkpoint_keeps_is_plain_data_and_goes_on_with_the_definition_that_it_is_given() -> None:
    log = Log(missing=0.0)
    log.land("A", 2, 7.0)
    log.start("B", 1)
    kept = pickle.loads(pickle.dumps(log.join))
    assert "definition" not in vars(kept)
    kept.definition = log.join.definition
    log.join = kept
    log.start("A", 1)
    log.land("B", 3, 8.0)
    assert log.taught == [("A", 7.0), ("B", 8.0)]


def test_a_join_of_the_release_before_goes_on_with_the_labels_that_it_remembered() -> None:
    log = Log()
    span = 6 * HOUR
    old: dict[str, Any] = {"within_us": span, "missing": None, "clock": 2 * HOUR, "counts": dict.fromkeys(COUNTED, 0)}
    old |= {"_waiting": {}, "_closing": [], "_number": 1}
    old |= {"_remembered": {"A": [2 * HOUR, 7.0, False]}, "_forgetting": [(2 * HOUR + span, 1, "A")]}
    definition, log.join = log.join.definition, LabelJoin.__new__(LabelJoin)
    log.join.__setstate__(old)
    log.join.definition = definition
    log.start("A", 1)
    assert log.taught == [("A", 7.0)]
    log.start("Z", 15)
    assert not log.join._remembered


@pytest.mark.parametrize("missing", [None, 0.0])
@given(
    st.lists(
        st.tuples(st.sampled_from(["start", "land"]), st.sampled_from("AB"), st.integers(0, 30), st.integers(0, 2)),
        max_size=40,
    )
)
def test_how_many_wait_is_counted_as_they_come_and_go(
    missing: float | None, events: list[tuple[str, str, int, int]]
) -> None:
    log = Log(missing)
    for what, flight, hour, delay in events:
        if what == "start":
            log.start(flight, hour)
        else:
            log.land(flight, hour, float(delay))
        waiting = [w for of_key in log.join._waiting.values() for w in of_key]
        assert log.join.pending == sum(w.label is None for w in waiting)
    older = {name: value for name, value in log.join.__getstate__().items() if name != "_pending"}
    join = LabelJoin.__new__(LabelJoin)
    join.__setstate__(older)
    assert join.pending == log.join.pending
