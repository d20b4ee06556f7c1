"""Segments as rows, on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert

from anabranch import SYSTEM
from eventlog.log.segment import Segment
from eventlog.log.segment_rows import (
    MAX_READ_BYTES,
    drop_segments,
    head,
    insert_segments,
    lock_head,
    segments_before,
    select_segments,
    select_system_segments,
    set_next,
)
from eventlog.registry.database import Database
from eventlog.registry.tables import heads


def segment(offset: int, count: int, stream: str = "rides", event: bytes = b'{"a": "\xc3\xa4"}') -> Segment:
    ids: list[str | None] = [f"i{offset + place}" for place in range(count)]
    return Segment.of(0, offset, stream, 2**50, [-(2**63), 2**63 - 1, 0][:count], ids, [None] * count, [event] * count)


STORED = [segment(0, 3), segment(3, 1, SYSTEM), segment(4, 2), segment(6, 1, SYSTEM), segment(7, 3)]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        if not connection.execute(heads.select()).all():
            connection.execute(insert(heads).values(partition=0, first=0, next=0))
        insert_segments(connection, STORED)
        set_next(connection, 0, 10)
        yield connection


def test_a_segment_comes_back_to_the_byte(connection: Connection) -> None:
    assert select_segments(connection, 0, 0, 10) == STORED


@pytest.mark.parametrize(
    ("start", "stop", "offsets"),
    [(0, 1, [0]), (1, 3, [0]), (2, 4, [0, 3]), (3, 4, [3]), (5, 6, [4]), (5, 8, [4, 6, 7]), (9, 10, [7])],
)
def test_the_segments_that_hold_a_range_are_found_also_when_it_begins_within_one(
    connection: Connection, start: int, stop: int, offsets: list[int]
) -> None:
    assert [found.offset for found in select_segments(connection, 0, start, stop)] == offsets


def test_another_partition_has_none_of_them(connection: Connection) -> None:
    assert select_segments(connection, 1, 0, 10) == []
    assert segments_before(connection, 1, 10) == []


def test_a_read_ends_with_the_segment_that_fills_it(connection: Connection) -> None:
    large = b'{"a":"%b"}' % (b"x" * (MAX_READ_BYTES // 2))
    insert_segments(connection, [segment(10, 1, event=large), segment(11, 1, event=large), segment(12, 1)])
    assert [found.offset for found in select_segments(connection, 0, 10, 13)] == [10, 11]
    assert [found.offset for found in select_segments(connection, 0, 12, 13)] == [12]


def test_decisions_are_found_among_events_and_no_more_than_were_asked_for(connection: Connection) -> None:
    assert select_system_segments(connection, 0, 0, 10, 9) == [STORED[1], STORED[3]]
    assert select_system_segments(connection, 0, 0, 10, 1) == [STORED[1]]
    assert select_system_segments(connection, 0, 4, 6, 9) == []


@pytest.mark.parametrize(("stop", "ends"), [(2, []), (3, [3]), (6, [3, 4, 6]), (7, [3, 4, 6, 7])])
def test_only_what_lies_wholly_before_may_go(connection: Connection, stop: int, ends: list[int]) -> None:
    assert [found.end for found in segments_before(connection, 0, stop)] == ends


def test_what_is_dropped_is_no_longer_hot(connection: Connection) -> None:
    drop_segments(connection, 0, 4)
    assert head(connection, 0) == lock_head(connection, 0) == (4, 10)
    assert select_segments(connection, 0, 0, 10) == STORED[2:]
