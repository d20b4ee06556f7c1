"""The rows of one slice: what becomes a row, what is set aside, and what is said of both."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from anabranch.feature_kinds import Kinds
from anabranch.features.fold import FailedFeatures, FrozenFeatures
from anabranch.instant import instant_us
from batch.duckdb_session import connect
from batch.exchange import Exchange
from batch.models.replay_task import Replayed, ReplayRange, ReplayTask
from batch.models.slice_rows import SliceRows
from batch.plan import Slice
from batch.views.python_fold import LakeEvents
from eventlog.store.address import StoreAddress
from eventlog.store.blobs import Blob
from tests.batch.models import model_application
from tests.batch.rides import START

APP = model_application.app
DURATION, ACCEPTANCE = APP.models["duration"], APP.models["acceptance"]
PART = Slice(100, 200)


def task(home: Path, kinds: dict[str, Kinds] | None = None, collected_rows: int = 5_000) -> ReplayTask:
    store = StoreAddress(str(home), str(home / "cache"))
    place = Exchange(store, "run", str(home))
    wanted = ReplayRange("app.py", (PART,), {}, None, {}, {}, 1, 1, {}, place, collected_rows=collected_rows)
    return ReplayTask(wanted, {}, kinds or {}, store, str(home / "run"))


def rides(*minutes: float | None, first: int = 100) -> LakeEvents:
    """Rides with gaps between their offsets."""
    count = len(minutes)
    events = [
        {"ride_id": str(at), "station": "A", "at": (START + timedelta(minutes=at)).isoformat(), "minutes": m}
        for at, m in enumerate(minutes)
    ]
    times = [instant_us(START + timedelta(minutes=at)) for at in range(count)]
    offsets = [first + 3 * at for at in range(count)]
    return LakeEvents(model_application.rides, [0] * count, offsets, times, orjson.dumps(events))


def closed(rows: SliceRows, home: Path) -> tuple[Replayed, list[dict[str, Any]]]:
    with connect(1, 100_000_000, home / "spill") as connection:
        found = rows.close(connection, {})
    file = StoreAddress(str(home), str(home / "cache")).opened().fetch(Blob.of(found.file))
    assert not any((home / "run").iterdir()), "what is in the store is there once"
    return found, pq.read_table(file).to_pylist()


@pytest.mark.parametrize("collected_rows", [1, 2, 5_000])
def test_an_event_becomes_a_row_with_its_label_or_is_set_aside_with_the_reason(
    tmp_path: Path, collected_rows: int
) -> None:
    rows = SliceRows(DURATION, PART, task(tmp_path, collected_rows=collected_rows))
    failed = FailedFeatures("ValueError: planted", ValueError("planted"))
    rows.add(rides(5.0, None, 7.0, 8.0), [{"a": 1}, {"a": None}, failed, {"a": "text"}])
    rows.add(rides(9.0, first=150), [{"a": True}])
    found, written = closed(rows, tmp_path)
    assert [(row["_offset"], row["_label"], row["a"]) for row in written] == [
        (100, 5.0, 1),
        (103, None, None),
        (150, 9.0, 1),
    ]
    assert (found.file["rows"], found.file["failed"], found.kinds) == (3, 2, {"a": "number"})
    assert [example["position"] for example in found.examples] == ["0:106", "0:109"]
    assert found.examples[0]["reason"] == "ValueError: planted"
    assert "'text'" in found.examples[1]["reason"]
    assert (found.file["start"], found.file["end"], found.part) == (100, 200, PART)
    assert found.labels is None


def test_the_clock_counts_what_is_set_aside(tmp_path: Path) -> None:
    events = rides(1.0, 2.0, 3.0)
    rows = SliceRows(DURATION, PART, task(tmp_path))
    rows.add(events, [FailedFeatures("no", ValueError())] * 3)
    found, written = closed(rows, tmp_path)
    assert written == []
    assert found.newest == {"rides": max(events.times)}
    assert (found.kinds, found.file["failed"]) == (None, 3)


def test_what_the_features_were_before_the_slice_decides_what_fits(tmp_path: Path) -> None:
    frozen: FrozenFeatures = [{"a": "text"}, {"a": None}]
    for before, kept in ((None, ["text", None]), ({"a": "number"}, [None]), ({"b": "number"}, [])):
        kinds: dict[str, Kinds] = {} if before is None else {DURATION.name: before}  # type: ignore[dict-item]
        rows = SliceRows(DURATION, PART, task(tmp_path / str(before), kinds))
        rows.add(rides(1.0, 2.0), list(frozen))
        _, written = closed(rows, tmp_path / str(before))
        assert [row["a"] for row in written] == kept


def test_only_a_few_examples_are_told(tmp_path: Path) -> None:
    rows = SliceRows(DURATION, PART, task(tmp_path))
    for _ in range(3):
        rows.add(rides(*[1.0] * 10), [FailedFeatures("no", ValueError())] * 10)
    found, _ = closed(rows, tmp_path)
    assert found.file["failed"] == 30
    assert 0 < len(found.examples) < 10


def test_of_a_label_that_arrives_later_the_key_is_stored(tmp_path: Path) -> None:
    offers = [{"offer_id": name, "station": "A", "price": 1.0, "at": START.isoformat()} for name in ("x", None)]
    at = instant_us(START)
    events = LakeEvents(model_application.offers, [0, 0], [100, 101], [at, at], orjson.dumps(offers))
    rows = SliceRows(ACCEPTANCE, PART, task(tmp_path))
    rows.add(events, [{"a": 1}, {"a": 2}])
    found, written = closed(rows, tmp_path)
    assert [row["_join"] for row in written] == ["x", None]
    assert found.labels is not None
    assert (found.labels["rows"], found.newest) == (0, {"offers": at})
