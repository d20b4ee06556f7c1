"""The consumer with models: it samples features, says drift in the log, and finds its champions again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch import SYSTEM, Cut
from eventlog.decisions import FEATURES, BatchStarted, Champions, ModelRolledBack, Publication
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from tests.home_key import KEY
from tests.speed.learning.learner_world import FixedLayer, hours, make_app, ride


def append(log: MemoryLog, *data: dict[str, Any]) -> Cut:
    nothing: list[None] = [None] * len(data)
    times: list[int | None] = [hours(item["at"]) for item in data]
    return log.append(Append("rides", [*nothing], [*nothing], times, [orjson.dumps(item) for item in data])).position


def consumer_of(log: MemoryLog, folder: Path, *versions: int, drifts: list[str] | None = None) -> Consumer:
    return Consumer(
        make_app(),
        log,
        Checkpoints(folder, KEY),
        lambda _: True,
        published=lambda _: FixedLayer(*versions),
        on_drift=lambda model, _: None if drifts is None else drifts.append(model.name),
    )


def records(log: MemoryLog, stream: str) -> list[dict[str, Any]]:
    found = []
    cut = Cut()
    while segments := log.read(cut):
        found += [record.data for segment in segments if segment.stream == stream for record in segment.records()]
        cut = Cut((segments[-1].end,))
    return found


def fold_all(consumer: Consumer, log: MemoryLog, position: Cut) -> None:
    consumer.start()
    try:
        consumer.reader.when_past(position).result(20)
    finally:
        consumer.stop()


def test_features_are_sampled_into_the_log_once_also_when_the_fold_is_repeated(tmp_path: Path) -> None:
    log = MemoryLog()
    position = append(log, *(ride(i, 1.0) for i in range(130)))
    fold_all(consumer_of(log, tmp_path / "one"), log, position)
    sampled = records(log, FEATURES)
    assert [sample["at"] for sample in sampled] == [0, 61, 122]
    fold_all(consumer_of(log, tmp_path / "another"), log, position)
    assert records(log, FEATURES) == sampled


def test_drift_becomes_an_event_and_is_told_when_the_fold_meets_it(tmp_path: Path) -> None:
    log, drifts = MemoryLog(), list[str]()
    log.mark({"kind": "batch_started", "run": "r1"})
    log.mark(Publication(1, Cut((0,)), "", "r1", promoted={"minutes": 1}).event())
    append(log, ride(0, 0.0), ride(0, 100.0), *(ride(0, 9.0 + i % 3) for i in range(700)))
    position = append(log, *(ride(0, 60.0 + i % 3) for i in range(100)))
    fold_all(consumer_of(log, tmp_path, 1, drifts=drifts), log, position)
    alarms = [data for data in records(log, SYSTEM) if data["kind"] == "drift_detected"]
    assert alarms
    assert alarms[0]["model"] == "minutes"
    consumer = consumer_of(log, tmp_path, 1, drifts=drifts)
    fold_all(consumer, log, log.end())
    shown = consumer.reader.report_of(consumer.app.models["minutes"]).learner["alarms"]
    assert [alarm["at"] for alarm in shown] == [alarm["at"] for alarm in alarms]
    assert drifts == ["minutes"] * len(alarms)


def test_without_a_checkpoint_the_decisions_say_who_the_champions_were(tmp_path: Path) -> None:
    log = MemoryLog()
    for version in (1, 2, 3):
        log.mark(Publication(version, Cut((0,)), "", f"r{version}", {"minutes": version}).event())
    append(log, ride(0, 4.0))
    cut = Cut((log.mark(BatchStarted("r4").event()),))
    log.mark(ModelRolledBack("minutes", 2, previous=3).event())  # behind the cut: it is folded once more
    log.mark(Publication(4, cut, "", "r4").event())
    position = append(log, ride(0, 5.0))
    consumer = consumer_of(log, tmp_path, 1, 2)
    fold_all(consumer, log, position)
    told = consumer.reader.report_of(consumer.app.models["minutes"])
    assert told.moment.cut.covers(position)
    assert (told.champions, told.learner["champion"]) == (Champions((1, 2)), 2)
    assert any("begins to learn at 0:4" in warning for warning in consumer.reader.warnings)


def test_killed_before_its_first_checkpoint_a_learner_goes_on_to_the_bit_although_a_generation_came(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    position = append(log, *(ride(i, float(i)) for i in range(50)))
    spared = consumer_of(log, tmp_path / "spared", 1)
    spared.start()
    spared.reader.when_past(position).result(20)
    shutil.copytree(tmp_path / "spared", tmp_path / "killed")  # what a kill leaves
    cut = Cut((log.mark({"kind": "batch_started", "run": "r1"}),))  # samples of features may have come before
    log.mark(Publication(1, cut, "", "r1", promoted={"minutes": 1}).event())
    position = append(log, *(ride(i, 2.0 * i) for i in range(50)))
    spared.reader.when_past(position).result(20)
    spared.stop()
    killed = consumer_of(log, tmp_path / "killed", 1)
    fold_all(killed, log, position)
    reports = []
    for consumer in (spared, killed):
        told = consumer.reader.report_of(consumer.app.models["minutes"])
        assert told.moment.publication is not None
        reports.append(told.learner)
    assert reports[0] == reports[1]
    assert reports[0]["scores"]["speed"]["count"] == 50
    assert list(killed.reader.warnings) == []


@pytest.mark.parametrize("most", [1, 50])
def test_a_request_is_answered_from_the_state_as_it_stands(tmp_path: Path, most: int) -> None:
    log = MemoryLog()
    log.mark({"kind": "batch_started", "run": "r1"})
    log.mark(Publication(1, Cut((0,)), "", "r1", promoted={"minutes": 1}).event())
    position = append(log, *(ride(i, 4.0) for i in range(most)))
    consumer = consumer_of(log, tmp_path, 1)
    fold_all(consumer, log, position)
    model = consumer.app.models["minutes"]
    asked = consumer.reader.ask(model, model.example.read(b'{"x": 3}'), None)
    assert not hasattr(asked, "reason")
    assert asked.cut.covers(position)
    assert asked.answer(10.0).prediction == 4.0
