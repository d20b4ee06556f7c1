"""The consumer with models: it samples features, says drift in the log, and finds its champions again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch import SYSTEM, Cut, Model, agg
from anabranch.contributions import Cells, Key
from anabranch.errors import LayerUnreadableError
from anabranch.view import View
from eventlog.decisions import FEATURES, BatchStarted, Champions, ModelRolledBack, Publication
from eventlog.log import Append
from eventlog.log.memory_log import MemoryLog
from eventlog.store.errors import StoreUnavailableError
from speed.base_layer import Predictor
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from tests.end_to_end.analyst import until
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


class AwayAtTimes(FixedLayer):
    """A generation whose files cannot be read while `away` is not empty."""

    def __init__(self, away: list[str], *versions: int):
        super().__init__(*versions)
        self._away = away

    def predictor(self, model: Model, version: int) -> Predictor | None:
        if "models" in self._away:
            raise StoreUnavailableError("s3://bucket", f"blobs/{version}", TimeoutError("503"))
        return super().predictor(model, version)

    def tiles_of(self, view: View, key: Key, first: int | None) -> dict[int, Cells]:
        if "tiles" in self._away:
            raise StoreUnavailableError("s3://bucket", "blobs/index", TimeoutError("503"))
        return {}


@pytest.mark.parametrize("away", ["models", "tiles"])
def test_what_a_model_learns_does_not_depend_on_whether_the_store_was_there_at_once(tmp_path: Path, away: str) -> None:
    app = make_app(features=lambda ride, views: {"x": ride.x, "n": views.ever(ride=str(ride.x)).n})
    app.view("ever", of=app.streams["rides"], by="ride", n=agg.count())
    log = MemoryLog()
    position = append(log, *(ride(i, float(i)) for i in range(30)))
    fold_all(Consumer(app, log, Checkpoints(tmp_path / "there", KEY), lambda _: True), log, position)
    shutil.copytree(tmp_path / "there", tmp_path / "away")
    cut = Cut((log.mark(BatchStarted("r1").event()),))
    log.mark(Publication(1, cut, "", "r1", promoted={"minutes": 1}).event())
    position = append(log, *(ride(i, 2.0 * i) for i in range(30)))

    def learnt(folder: Path, is_away: list[str]) -> Any:
        layer = AwayAtTimes(is_away, 1)
        checkpoints = Checkpoints(folder, KEY)
        consumer = Consumer(app, log, checkpoints, lambda _: True, published=lambda _: layer, retry_seconds=0.001)
        consumer.start()
        try:
            if is_away:
                until(lambda: consumer.reader.trouble is not None, 20)
                assert "503" in str(consumer.reader.trouble)
                if away == "tiles":  # what was folded before is not given up
                    assert consumer.reader.cut == Cut((position.offsets[0] - 30,))
                assert not consumer.reader.cut.covers(position)
                is_away.clear()
            consumer.reader.when_past(position).result(20)
        finally:
            consumer.stop()
        assert list(consumer.reader.warnings) == []
        return consumer.reader.report_of(app.models["minutes"]).learner

    there = learnt(tmp_path / "there", [])
    assert learnt(tmp_path / "away", [away]) == there
    assert there["failed"]["count"] == 0
    assert there["scores"]["batch"]["count"] == 30


def test_a_request_that_needs_a_store_which_is_away_is_refused_and_not_answered_with_less(tmp_path: Path) -> None:
    app = make_app(features=lambda ride, views: {"x": ride.x, "n": views.ever(ride=str(ride.x)).n})
    app.view("ever", of=app.streams["rides"], by="ride", n=agg.count())
    log, is_away = MemoryLog(), list[str]()
    cut = Cut((log.mark(BatchStarted("r1").event()),))
    log.mark(Publication(1, cut, "", "r1", promoted={"minutes": 1}).event())
    position = append(log, ride(1, 1.0))
    layer = AwayAtTimes(is_away, 1)
    consumer = Consumer(app, log, Checkpoints(tmp_path, KEY), lambda _: True, published=lambda _: layer)
    fold_all(consumer, log, position)
    is_away[:] = ["tiles"]
    model = app.models["minutes"]
    with pytest.raises(LayerUnreadableError):
        consumer.reader.ask(model, model.example.read(b'{"x": 77}'), None)


def test_it_is_told_that_a_model_begins_anew_or_goes_on_without_versions_whose_generations_are_gone(
    tmp_path: Path,
) -> None:
    log = MemoryLog()

    def publish(generation: int) -> Cut:
        cut = Cut((log.mark(BatchStarted(f"r{generation}").event()),))
        log.mark(Publication(generation, cut, "", f"r{generation}", promoted={"minutes": generation}).event())
        return append(log, *(ride(i, 2.0) for i in range(5)))

    consumer = consumer_of(log, tmp_path / "there", 1, 2, 3)
    fold_all(consumer, log, publish(1))
    shutil.copytree(tmp_path / "there", tmp_path / "anew")
    publish(2)
    position = publish(3)

    def came_back(folder: str, gone: int) -> list[str]:
        consumer = Consumer(
            make_app(),
            log,
            Checkpoints(tmp_path / folder, KEY),
            lambda publication: publication.generation != gone,
            published=lambda _: FixedLayer(1, 2, 3),
        )
        fold_all(consumer, log, position)
        return list(consumer.reader.warnings)

    assert came_back("there", 2) == [
        "generation 2 cannot be served; its events stay in the epochs, and models go on without its versions"
    ]
    *checkpoints, model = came_back("anew", 1)
    assert checkpoints != []
    assert all("its generation 1 cannot be served" in told for told in checkpoints)
    assert "model 'minutes' begins to learn at" in model
