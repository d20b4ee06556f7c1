"""A fold that begins at a generation knows how late it is: as if it had never stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from anabranch.instant import instant_us
from anabranch.watermarks import Watermarks
from batch.run import run_batch
from eventlog.log import Append
from infra.composition import Process, opened
from infra.settings import Settings
from speed.consumer import Consumer

APPLICATION = Path(__file__).with_name("clock_application.py")
START = datetime(2024, 5, 1, tzinfo=UTC)


def post(process: Process, stream: str, hours: Sequence[float], **fields: Any) -> None:
    """Events of one stream at some hours after the start, in this order."""
    events = [{"at": (START + timedelta(hours=hour)).isoformat(), **fields} for hour in hours]
    nothing: list[None] = [None] * len(events)
    times: list[int | None] = [instant_us(event["at"]) for event in events]
    process.log.append(Append(stream, [*nothing], [*nothing], times, [orjson.dumps(event) for event in events]))


@contextmanager
def folding(home: Path) -> Iterator[tuple[Process, Consumer]]:
    """A process whose fold has met all that is in the log."""
    with opened(Settings.load(app=str(APPLICATION), home=home)) as process:
        consumer = process.consumer()
        consumer.start()
        try:
            consumer.reader.when_past(process.log.end()).result(30)
            yield process, consumer
        finally:
            consumer.stop()


@dataclass(frozen=True)
class Told:
    """What depends on the watermarks."""

    watermarks: Watermarks
    features: Any
    prediction: Any
    hidden: list[int | None]


def told(process: Process, consumer: Consumer) -> Told:
    consumer.reader.when_past(process.log.end()).result(30)
    model, view = process.app.models["duration"], process.app.views["hourly"]
    example = model.example.read(orjson.dumps({"station": "A"}))
    forecast: Any = consumer.reader.ask(model, example, None)
    hidden: list[int | None] = []
    publication = consumer.reader.publication
    consumer.reader.tiles(view, {}, None, lambda seen: hidden.append(view.oldest_kept(seen)), publication)
    assert forecast.predictor is not None, "the generation has no champion"
    with consumer.reader.holding() as state:
        watermarks = dict(state.watermarks)
    return Told(watermarks, forecast.features, forecast.predictor.predict([forecast.features]), hidden)


def test_a_fold_that_begins_at_a_generation_predicts_and_hides_as_one_that_never_stopped(tmp_path: Path) -> None:
    with folding(tmp_path / "home") as (process, consumer):
        post(process, "showers", [30.0, 29.0])
        post(process, "rides", [hour / 4 for hour in range(96)], station="A", minutes=7.0)
        parts = process.log, process.leases, process.runs, process.lake
        run_batch(str(APPLICATION), process.home, *parts, workers=1)
        post(process, "rides", [22.5, 12.0, 0.5, 0.25], station="A", minutes=8.0)  # all late: behind what was seen
        whole = told(process, consumer)
        shutil.copytree(tmp_path / "home", tmp_path / "killed")  # what a kill leaves, without its checkpoints
    shutil.rmtree(tmp_path / "killed" / "checkpoints")
    with folding(tmp_path / "killed") as (process, consumer):
        assert consumer.reader.publication is not None
        recovered = told(process, consumer)
    assert whole.watermarks == {
        "rides": instant_us((START + timedelta(hours=95 / 4)).isoformat()),
        "showers": instant_us((START + timedelta(hours=30)).isoformat()),
    }
    assert whole.features == {"recent": 13.0, "kept": 17.0}
    assert recovered == whole
