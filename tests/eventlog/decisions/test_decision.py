"""What the system writes into the log: the stored JSON, which is for ever, and what is read from it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from anabranch import SYSTEM, Cut
from eventlog.decisions import (
    BatchFailed,
    BatchStarted,
    Decision,
    DriftDetected,
    FeatureSample,
    ModelPromoted,
    ModelRolledBack,
    Publication,
    RecordedPrediction,
    UnknownDecision,
    decision_of,
    decisions_of,
)
from eventlog.errors import CorruptLogError
from eventlog.log.segment import Record, Segment

SHA256 = "ab" * 32
STORED: list[tuple[Decision, str]] = [
    (BatchStarted("r7"), '{"kind":"batch_started","run":"r7"}'),
    (BatchFailed("r7", "KeyError: 'a'"), '{"kind":"batch_failed","run":"r7","error":"KeyError: \'a\'"}'),
    (
        Publication(3, Cut((17,)), SHA256, "r7", {"minutes": 3}),
        f'{{"kind":"batch_published","run":"r7","generation":3,"cut":"0:17","manifest_sha256":"{SHA256}",'
        '"promoted":{"minutes":3}}',
    ),
    (
        ModelPromoted("minutes", 2, previous=None),
        '{"kind":"model_promoted","model":"minutes","version":2,"previous":null}',
    ),
    (
        ModelRolledBack("minutes", 1, previous=2),
        '{"kind":"model_rolled_back","model":"minutes","version":1,"previous":2}',
    ),
    (
        DriftDetected("minutes", 812, "ADWIN"),
        '{"kind":"drift_detected","model":"minutes","at":"0:812","detector":"ADWIN"}',
    ),
]


def record(data: Any, stream: str = SYSTEM) -> Record:
    return Record(0, 42, stream, 0, 0, None, None, data)


@pytest.mark.parametrize(("decision", "stored"), STORED, ids=lambda value: type(value).__name__)
def test_a_decision_is_stored_as_it_always_was_and_read_back(decision: Decision, stored: str) -> None:
    assert orjson.dumps(decision.event()).decode() == stored
    assert decision_of(record(orjson.loads(stored))) == decision
    assert type(decision).of(record(orjson.loads(stored))) == decision


def test_a_sample_of_features_is_stored_as_it_always_was_and_read_back() -> None:
    sample = FeatureSample("minutes", "f00d", 61, {"hour": 7.0, "station": "a"})
    stored = b'{"model":"minutes","fingerprint":"f00d","at":61,"features":{"hour":7.0,"station":"a"}}'
    assert orjson.dumps(sample.event()) == stored
    assert FeatureSample.of(record(orjson.loads(stored), "_features")) == sample
    assert sample.id == "minutes:f00d:61"
    earlier = orjson.loads(stored) | {"at": "0:61"}  # the place of an example was once written so
    assert FeatureSample.of(record(earlier, "_features")) == sample


def test_a_prediction_is_stored_as_it_always_was_and_read_back() -> None:
    stored = (
        b'{"prediction_id":"p1","model":"minutes","time":"2024-05-01T07:00:00Z","prediction":7.5,"probabilities":null,'
        b'"parts":{"speed":7.5},"weights":{"speed":1.0},"features":{"hour":7.0},"generation":null,"batch_cut":"0:0",'
        b'"speed_cut":"0:3","versions":{},"example":{"station":"a"},"example_id":null}'
    )
    found = RecordedPrediction.of(record(orjson.loads(stored), "_predictions"))
    assert orjson.dumps(found.event()) == stored
    assert (found.prediction_id, found.prediction, found.example) == ("p1", 7.5, {"station": "a"})


def test_a_decision_of_a_later_version_is_kept_as_it_is() -> None:
    data = {"kind": "person_erased", "person": {"of": 7}}
    assert decision_of(record(data)) == UnknownDecision("person_erased", data)
    assert decision_of(record(data)).event() == data


def test_a_publication_of_an_application_without_models_promotes_nobody() -> None:
    data = orjson.loads(STORED[2][1])
    del data["promoted"]
    found = decision_of(record(data))
    assert isinstance(found, Publication)
    assert found.promoted == {}


PUBLISHED = orjson.loads(STORED[2][1])
PROMOTED = orjson.loads(STORED[3][1])


@pytest.mark.parametrize(
    ("data", "field", "found"),
    [
        ({}, "kind", "nothing"),
        ({"kind": 7}, "kind", "7"),
        ({"kind": "batch_started"}, "run", "nothing"),
        ({"kind": "batch_failed", "run": None, "error": ""}, "run", "None"),
        (PUBLISHED | {"cut": "17"}, "cut", "'17'"),
        (PUBLISHED | {"cut": 17}, "cut", "17"),
        (PUBLISHED | {"generation": "3"}, "generation", "'3'"),
        (PUBLISHED | {"generation": True}, "generation", "True"),
        (PUBLISHED | {"manifest_sha256": None}, "manifest_sha256", "None"),
        (PUBLISHED | {"promoted": [3]}, "promoted", r"\[3\]"),
        (PUBLISHED | {"promoted": {"minutes": "3"}}, "promoted", "{'minutes': '3'}"),
        (PROMOTED | {"version": -1}, "version", "-1"),
        (PROMOTED | {"previous": "2"}, "previous", "'2'"),
        (PROMOTED | {"kind": "model_rolled_back", "model": []}, "model", r"\[\]"),
        ({"kind": "drift_detected", "model": "m", "at": "here", "detector": "ADWIN"}, "at", "'here'"),
        ({"kind": "drift_detected", "model": "m", "at": 0.5, "detector": "ADWIN"}, "at", "0.5"),
    ],
)
def test_a_decision_that_is_not_what_was_written_is_named_with_its_place_and_field(
    data: dict[str, Any], field: str, found: str
) -> None:
    with pytest.raises(CorruptLogError, match=rf"field '{field}' of the event at 0:42 of stream .*found {found}$"):
        decision_of(record(data))


@pytest.mark.parametrize("absent", ["prediction_id", "model", "time", "parts", "weights", "features", "versions"])
def test_a_prediction_that_is_not_what_was_written_is_named_with_its_place_and_field(absent: str) -> None:
    data = {"prediction_id": "p", "model": "m", "time": "", "parts": {}, "weights": {}, "features": {}, "versions": {}}
    RecordedPrediction.of(record(data, "_predictions"))
    del data[absent]
    with pytest.raises(CorruptLogError, match=f"field '{absent}' of the event at 0:42 of stream '_predictions'"):
        RecordedPrediction.of(record(data, "_predictions"))


def test_decisions_are_found_in_the_system_s_stream_alone() -> None:
    events = [stored.encode() for _, stored in STORED]
    nothing: list[None] = [None] * len(events)
    for stream, expected in ((SYSTEM, [decision for decision, _ in STORED]), ("rides", [])):
        segment = Segment.of(0, 5, stream, 9, [0] * len(events), [*nothing], [*nothing], events)
        found = list(decisions_of(segment))
        assert [decision for _, decision in found] == expected
        assert [place.offset for place, _ in found] == list(range(5, 5 + len(expected)))
