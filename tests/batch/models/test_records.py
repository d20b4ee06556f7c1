"""The records of several streams, out of files of each, in the order of the log."""

from __future__ import annotations

import random
from itertools import pairwise

import orjson
import pytest

from anabranch import Events
from batch.archive import archive
from batch.duckdb_session import connect
from batch.models.records import runs
from batch.plan import Slice
from batch.views.python_fold import DECODED_EVENTS
from tests.batch.conftest import Home
from tests.batch.rides import rides


def post(home: Home, count: int) -> int:
    """Post rides and words in turns; returns the end of the log."""
    chance = random.Random(count)
    for number in range(count):
        if chance.random() < 0.5:
            home.post("rides", rides(chance.randrange(1, 6), seed=number))
        else:
            home.post("words", [{"text": f"{number} {index}"} for index in range(chance.randrange(1, 6))])
    end = home.log.end()
    archive(home.log, home.lake, home.app, end, lambda records: None)
    return end.offsets[0]


def found(home: Home, part: Slice, *streams: str) -> list[Events]:
    files = {name: home.lake.files(name, part.start, part.end) for name in streams}
    with connect(1, 100_000_000, home.path / "spill") as connection:
        return list(runs(connection, [home.app.streams[name] for name in streams], files, part))


@pytest.mark.parametrize("streams", [("rides",), ("words", "rides"), ("rides", "words")])
def test_the_runs_of_slices_are_the_records_of_the_log(home: Home, streams: tuple[str, ...]) -> None:
    end = post(home, 30)
    expected = [
        (record.offset, segment.stream, record.data)
        for segment in home.segments()
        if segment.stream in streams
        for record in segment.records()
    ]
    whole = []
    for start, stop in pairwise([0, 7, 8, end]):
        for events in found(home, Slice(start, stop), *streams):
            offsets = [offset for _, _, offset in events.orders]
            values = orjson.loads(events.data)
            assert len(offsets) == len(events.times) == len(values)
            whole += [(o, events.stream.name, v) for o, v in zip(offsets, values, strict=True)]
    assert whole == expected


def test_neighbouring_records_of_a_stream_are_one_run_up_to_some_thousands(home: Home) -> None:
    home.post("rides", rides(3))
    home.post("words", [{"text": "a"}] * (2 * DECODED_EVENTS))
    archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    lengths = [len(events) for events in found(home, Slice(0, 10**9), "rides", "words")]
    assert sum(lengths) == 3 + 2 * DECODED_EVENTS
    assert lengths[0] == 3
    assert max(lengths) <= DECODED_EVENTS
    assert len(lengths) <= 4


def test_where_nothing_is_held_there_is_nothing(home: Home) -> None:
    assert found(home, Slice(0, 10), "rides", "words") == []
