"""Records as rows and back, without a table around them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from anabranch import App
from anabranch.instant import FIRST_US, LAST_US
from eventlog.lake.columns import record_batch, schema_of, segments_of
from eventlog.log.segment import Segment

PLACE = ["_partition", "_offset", "_time", "_appended", "_id", "_key", "_data"]


class Ride(BaseModel):
    ride: str
    at: datetime
    minutes: float = 1.5
    count: int | None = None
    stops: list[str] = []


rides = App("lake").stream("rides", Ride)
TIMES = st.integers(FIRST_US, LAST_US)
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=3)
PIECES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([1, 2]), st.lists(st.tuples(TIMES, TEXTS, TEXTS), min_size=1)),
    min_size=1,
    max_size=4,
)


@given(PIECES)
def test_rows_give_back_the_segments_that_they_were_made_of(pieces: list[tuple[int, int, list[Any]]]) -> None:
    segments: list[Segment] = []
    offset = 0
    for gap, appended, rows in pieces:
        offset += gap
        times, ids, keys = map(list, zip(*rows, strict=True))
        texts = [orjson.dumps({"n": offset + place, "id": id_}) for place, id_ in enumerate(ids)]
        segments.append(Segment.of(0, offset, "rides", appended, times, ids, keys, texts))
        offset += len(rows)
    table = pa.Table.from_batches([record_batch(segment, None, schema_of(None)) for segment in segments])
    found = segments_of(table, "rides")
    assert [r for segment in found for r in segment.records()] == [r for s in segments for r in s.records()]
    assert all(segment.appended in (1, 2) for segment in found)


def test_a_gap_and_another_moment_begin_another_segment() -> None:
    def row(offset: int, appended: int) -> Segment:
        return Segment.of(0, offset, "rides", appended, [0], [None], [None], [b"{}"])

    rows = [row(0, 7), row(1, 7), row(3, 7), row(4, 8), row(5, 8)]
    table = pa.Table.from_batches([record_batch(segment, None, schema_of(None)) for segment in rows])
    assert [(s.offset, s.end, s.appended) for s in segments_of(table, "rides")] == [(0, 2, 7), (3, 4, 7), (4, 6, 8)]
    assert segments_of(table.slice(0, 0), "rides") == []


def test_a_stream_without_a_definition_has_its_place_and_its_text_alone() -> None:
    assert schema_of(None).names == PLACE
    assert schema_of(rides).names == [*PLACE, "ride", "at", "minutes", "count", "stops"]


def batch_of(*events: dict[str, Any]) -> dict[str, list[Any]]:
    nothing: list[None] = [None] * len(events)
    texts = [orjson.dumps({"ride": "r", "at": "2014-05-01T10:00:00Z", **event}) for event in events]
    segment = Segment.of(0, 0, "rides", 0, [0] * len(events), [*nothing], [*nothing], texts)
    found: dict[str, list[Any]] = record_batch(segment, rides, schema_of(rides)).to_pydict()
    return found


def test_what_an_older_event_lacks_has_its_default() -> None:
    found = batch_of({}, {"minutes": 2, "count": 2**63 - 1, "stops": ["a"]})
    assert (found["minutes"], found["count"], found["stops"]) == ([1.5, 2.0], [None, 2**63 - 1], [[], ["a"]])


@pytest.mark.parametrize("at", ["2014-05-01T10:00:00Z", "2014-05-01T12:00:00.000+02:00", "2014-05-01 10:00Z"])
def test_one_instant_is_one_value_however_it_is_written(at: str) -> None:
    """Also beside one in a form that only the slow reader takes."""
    first, second = batch_of({"at": at}, {"at": "2014-05-01T10:00:00,5+00:00"})["at"]
    assert first.isoformat() == "2014-05-01T10:00:00+00:00"
    assert second.isoformat() == "2014-05-01T10:00:00.500000+00:00"


def test_a_value_of_another_type_is_null_and_the_others_stay() -> None:
    """A process with another model stored it."""
    found = batch_of({"minutes": "many", "count": 7}, {"minutes": 3, "count": "x"})
    assert (found["minutes"], found["count"]) == ([None, 3.0], [7, None])
