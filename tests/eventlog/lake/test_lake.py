from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field

from anabranch import SYSTEM, App, Cut, Stream
from anabranch.instant import instant, instant_us
from eventlog import Segment
from eventlog.errors import ArchiveError
from eventlog.lake import Lake

NOW = 1_700_000_000_000_000


class Ride(BaseModel):
    ride: str
    at: datetime
    minutes: float
    stops: list[str] = []


class RideWithMore(Ride):
    seats: int = 1
    tags: list[int] | None = None


def stream_of(model: type[BaseModel], name: str = "rides") -> Stream:
    return App("lake").stream(name, model)


rides = stream_of(Ride)


def segment(offset: int, *events: Any, stream: str = "rides") -> Segment:
    count = len(events)
    texts = [event if isinstance(event, bytes) else orjson.dumps(event) for event in events]
    ids: list[str | None] = [f"id-{offset + i}" for i in range(count)]
    keys: list[str | None] = [None, *["key"] * (count - 1)]
    return Segment.of(0, offset, stream, NOW + offset, list(range(-1, count - 1)), ids, keys, texts)


def ride(number: int, **more: Any) -> dict[str, Any]:
    return {"ride": f"r{number}", "at": "2014-05-01T10:00:00Z", "minutes": number, **more}


def columns(lake: Lake, name: str = "rides", end: int = 10**9) -> dict[str, list[Any]]:
    files = lake.files(name, 0, end)
    table = pa.concat_tables([pq.read_table(file) for file in files], promote_options="default")
    found: dict[str, list[Any]] = table.sort_by("_offset").to_pydict()
    return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_an_empty_lake_has_nothing(lake: Lake) -> None:
    assert (lake.streams(), lake.archived("rides"), lake.files("rides", 0, 9), lake.read(Cut((0,)))) == ([], 0, [], [])


def test_a_record_becomes_a_typed_row_with_its_place_and_its_text(lake: Lake) -> None:
    text = b'{"ride": "r1","at":"2014-05-01T12:00:00.5+02:00","minutes":1.50,"extra":1}'
    assert lake.archive(rides, [segment(5, text, ride(2, stops=["a", None]))], 9) == 2
    found = columns(lake)
    assert found["_partition"] == [0, 0]
    assert found["_offset"] == [5, 6]
    assert found["_time"] == [instant(-1), instant(0)]
    assert found["_appended"] == [instant(NOW + 5)] * 2
    assert (found["_id"], found["_key"]) == (["id-5", "id-6"], [None, "key"])
    assert found["_data"][0] == text.decode()
    assert (found["ride"], found["minutes"]) == (["r1", "r2"], [1.5, 2.0])
    assert found["at"] == [instant(instant_us("2014-05-01T10:00:00.5Z")), instant(instant_us("2014-05-01T10:00:00Z"))]
    assert found["stops"] == [[], ["a", None]]


def test_records_are_archived_once_however_often_it_is_asked(lake: Lake) -> None:
    segments = [segment(0, ride(0), ride(1)), segment(2, ride(2), ride(3)), segment(4, ride(4))]
    told: list[int] = []
    assert lake.archive(rides, segments, 3, told.append) == 3
    assert (lake.archived("rides"), sum(told)) == (3, 3)
    assert lake.archive(rides, segments, 3) == 0
    assert lake.archive(rides, segments, 2) == 0
    assert lake.archive(rides, segments, 5) == 2
    assert columns(lake)["_offset"] == [0, 1, 2, 3, 4]


def test_segments_of_other_streams_are_passed_over(lake: Lake) -> None:
    segments = [segment(0, ride(0)), segment(1, {"kind": "batch_started"}, stream=SYSTEM), segment(2, ride(2))]
    assert lake.archive(rides, segments, 3) == 2
    assert lake.archive(SYSTEM, segments, 3) == 1
    assert columns(lake, SYSTEM)["_data"] == ['{"kind":"batch_started"}']
    assert lake.streams() == [SYSTEM, "rides"]


def test_a_stream_without_new_records_is_still_archived_up_to_the_cut(lake: Lake) -> None:
    assert lake.archive(rides, [], 7) == 0
    assert lake.archived("rides") == 7
    assert lake.read(Cut((0,))) == []
    assert lake.archive(rides, [segment(7, ride(7))], 8) == 1
    assert columns(lake)["_offset"] == [7]


def test_an_archiving_that_breaks_off_adds_nothing(lake: Lake) -> None:
    def broken() -> Iterator[Segment]:
        for number in range(50):
            yield segment(number * 1000, *[ride(1)] * 1000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lake.archive(rides, broken(), 50_000)
    assert lake.archived("rides") == 0
    assert lake.read(Cut((0,))) == []
    assert lake.archive(rides, [segment(0, ride(0))], 1) == 1


def test_of_two_that_archive_at_once_one_adds(lake: Lake) -> None:
    segments = [segment(0, ride(0), ride(1))]

    def meanwhile() -> Iterator[Segment]:
        other = Thread(target=lake.archive, args=(rides, segments, 2))
        other.start()
        other.join()
        yield from segments

    with pytest.raises(ArchiveError, match="stream 'rides' was archived by another process"):
        lake.archive(rides, meanwhile(), 2)
    assert columns(lake)["_offset"] == [0, 1]


def test_a_new_field_is_a_new_column(lake: Lake) -> None:
    lake.archive(rides, [segment(0, ride(0))], 1)
    lake.archive(stream_of(RideWithMore), [segment(1, ride(1), ride(2, seats=4, tags=[1, 2]))], 3)
    lake.archive("rides", [segment(3, ride(3))], 4)  # a stream that the application no longer has
    found = columns(lake)
    assert found["_offset"] == [0, 1, 2, 3]
    assert found["seats"] == [None, 1, 4, None]
    assert found["tags"] == [None, None, [1, 2], None]


def test_files_are_found_by_the_offsets_they_hold(lake: Lake) -> None:
    for first in (0, 10, 20):
        lake.archive(rides, [segment(first, *[ride(first)] * 5)], first + 10)
    one, two, three = lake.files("rides", 0, 100)
    assert lake.files("rides", 0, 5) == [one]
    assert lake.files("rides", 4, 11) == [one, two]
    assert lake.files("rides", 5, 10) == []
    assert lake.files("rides", 24, 25) == [three]
    assert pq.read_table(two)["_offset"].to_pylist() == [10, 11, 12, 13, 14]


def test_reading_gives_the_records_of_all_streams_in_offset_order(lake: Lake) -> None:
    segments = [
        segment(number * 2, ride(number), ride(number), stream="rides" if number % 3 else "walks")
        for number in range(9)
    ]
    for name in ("rides", "walks"):
        lake.archive(name, segments[:5], 10)
        lake.archive(name, segments, 18)
    whole = [record for found in segments for record in found.records()]
    for start in range(18):
        found = lake.read(Cut((start,)))
        assert [r for s in found for r in s.records() if r.offset >= start] == whole[start:]


def test_a_large_archive_has_row_groups_of_the_size_that_readers_like(lake: Lake) -> None:
    thousand = [b'{"ride":"r","at":"2014-05-01T10:00:00Z","minutes":1}'] * 1000
    lake.archive(rides, (segment(number * 1000, *thousand) for number in range(150)), 150_000)
    (file,) = lake.files("rides", 0, 1)
    groups = pq.read_metadata(file)
    assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [122_880, 27_120]
    assert [found.count for found in lake.read(Cut((149_990,)))] == [10]


def test_reading_large_events_stops_where_all_streams_are_whole(lake: Lake) -> None:
    large = b'{"ride":"%b","at":"2014-05-01T10:00:00Z","minutes":1}' % (b"x" * 2**20)
    whole = []
    for first in range(0, 200, 20):
        segments = [segment(first, *[large] * 10), segment(first + 10, *[ride(1)] * 10, stream="walks")]
        for name in ("rides", "walks"):
            lake.archive(name, segments, first + 20)
        whole += [record.offset for found in segments for record in found.records()]
    cut, seen = 0, []
    while segments := lake.read(Cut((cut,))):
        assert sum(len(found.data) for found in segments) < 64 * 2**20
        seen += [record.offset for found in segments for record in found.records()]
        cut = segments[-1].end
    assert seen == whole


class Colour(enum.Enum):
    RED = 1


class Part(BaseModel):
    name: str


class Everything(BaseModel):
    whole: int
    maybe: bool | None = None
    colour: Colour
    on: date
    price: Decimal
    made: uuid.UUID
    colours: list[Colour] = []
    prices: list[Decimal] = []
    days: list[date] = []
    times: list[datetime] = []
    part: Part | None = None
    parts: dict[str, Part] = Field(default_factory=dict, alias="theParts")


def test_every_type_of_field_has_its_column(lake: Lake) -> None:
    event = {
        "whole": 7, "colour": 1, "on": "2020-02-02", "price": "1.5", "made": str(uuid.UUID(int=1)), "colours": [1],
        "prices": ["2.5"], "days": ["2020-02-02"], "times": ["2014-05-01T10:00:00Z"], "part": {"name": "p"},
        "theParts": {"a": {"name": "q"}},
    }  # fmt: skip
    least = {"whole": 1, "colour": 1, "on": "2020-02-02", "price": 1, "made": str(uuid.UUID(int=1))}
    lake.archive(stream_of(Everything), [segment(0, event, least)], 2)
    found = columns(lake)
    assert found["whole"] == [7, 1]
    assert found["maybe"] == [None, None]
    assert found["colour"] == ["1", "1"]
    assert found["on"] == ["2020-02-02"] * 2
    assert found["price"] == [1.5, 1.0]
    assert found["made"] == [str(uuid.UUID(int=1))] * 2
    assert found["colours"] == [["1"], []]
    assert found["prices"] == [[2.5], []]
    assert found["days"] == [["2020-02-02"], []]
    assert found["times"] == [[instant(instant_us("2014-05-01T10:00:00Z"))], []]
    assert found["part"] == ['{"name":"p"}', None]
    assert found["parts"] == ['{"a":{"name":"q"}}', "{}"]


def test_a_table_that_was_never_written_reaches_nowhere(lake: Lake) -> None:
    lake.table("rides").append(rides, [], 0, lambda records: None)
    assert lake.archived("rides") == 0
    assert lake.files("rides", 0, 9) == []
