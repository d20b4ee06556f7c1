"""The hot segments as rows: every statement that touches the tables `heads` and `segments`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from zlib import crc32

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from anabranch import SYSTEM
from eventlog.errors import DatabaseDamagedError
from eventlog.log.prepared_statement import PreparedStatement
from eventlog.log.segment import Segment, pack_times, unpack_times
from eventlog.registry.tables import heads, segments

MAX_READ_BYTES = 32 * 2**20
"""One read holds about so much event data at most, however large the events are."""

_s = segments.c
_own_head = heads.c.partition == bindparam("own")
_own = _s.partition == bindparam("own")
_SELECT_HEAD = select(heads.c.first, heads.c.next).where(_own_head)
_HEAD = PreparedStatement(_SELECT_HEAD)
_LOCK_HEAD = PreparedStatement(_SELECT_HEAD.with_for_update())
_SET_NEXT = PreparedStatement(update(heads).where(_own_head).values(next=bindparam("offset")))
_SET_FIRST = update(heads).where(_own_head).values(first=bindparam("offset"))
_INSERT = PreparedStatement(insert(segments))
_HOLDING = select(func.max(_s.offset)).where(_own, _s.offset <= bindparam("start")).scalar_subquery()
_COLUMNS = (_s.partition, _s.offset, _s.stream, _s.appended, _s.times, _s.heads, _s.data, _s.checksum)
_READ = (
    select(*_COLUMNS)
    .where(_own, _s.offset >= func.coalesce(_HOLDING, bindparam("start")), _s.offset < bindparam("stop"))
    .order_by(_s.offset)
    .execution_options(stream_results=True)  # PostgreSQL would send all of it before the first row can be looked at
)
_READ_SYSTEM = (
    select(*_COLUMNS)
    # spelt out, not bound: the index of the system's segments is partial, and a database must see that it applies
    .where(_s.stream == literal(SYSTEM, literal_execute=True))
    .where(_own, _s.offset >= bindparam("start"), _s.offset < bindparam("stop"))
    .order_by(_s.offset)
    .limit(bindparam("most"))
)
_BEFORE = (
    select(_s.stream, _s.heads, (_s.offset + _s.count).label("end"))
    .where(_own, _s.offset + _s.count <= bindparam("stop"))
    .order_by(_s.offset)
)
_DROP = delete(segments).where(_own, _s.offset < bindparam("stop"))


class Head(NamedTuple):
    """The first offset of a partition that is still hot, and the offset of its next record."""

    first: int
    next: int


def head(connection: Connection, partition: int) -> Head:
    """The head of a partition."""
    return Head(*_HEAD.rows(connection, {"own": partition})[0])


def lock_head(connection: Connection, partition: int) -> Head:
    """The head of a partition, which no other transaction changes before this one ends."""
    return Head(*_LOCK_HEAD.rows(connection, {"own": partition})[0])


def set_next(connection: Connection, partition: int, offset: int) -> None:
    """Let the next record go to `offset`."""
    _SET_NEXT.run(connection, {"own": partition, "offset": offset})


def insert_segments(connection: Connection, new: Iterable[Segment]) -> None:
    """Store segments."""
    if rows := [_row(segment) for segment in new]:
        _INSERT.run(connection, *rows)


def select_segments(connection: Connection, partition: int, start: int, stop: int) -> list[Segment]:
    """The segments that hold records of [start, stop), in order; the first and the last may reach beyond.

    Fewer, if they have more than `MAX_READ_BYTES`.

    Raises
    ------
    DatabaseDamagedError
        If one is not what was stored.
    """
    found: list[Segment] = []
    size = 0
    with connection.execute(_READ, {"own": partition, "start": start, "stop": stop}) as rows:
        for row in rows:
            found.append(_segment(row))
            size += len(row[6])
            if size >= MAX_READ_BYTES:
                break
    return found


def select_system_segments(connection: Connection, partition: int, start: int, stop: int, most: int) -> list[Segment]:
    """At most so many segments of the system's stream that begin in [start, stop), in order."""
    rows = connection.execute(_READ_SYSTEM, {"own": partition, "start": start, "stop": stop, "most": most})
    return [_segment(row) for row in rows]


class Droppable(NamedTuple):
    """What is known of a segment that is about to go."""

    stream: str
    heads: bytes
    end: int


def segments_before(connection: Connection, partition: int, stop: int) -> list[Droppable]:
    """The segments that lie wholly before `stop`, in order."""
    return [Droppable(*row) for row in connection.execute(_BEFORE, {"own": partition, "stop": stop})]


def drop_segments(connection: Connection, partition: int, stop: int) -> None:
    """Drop the segments before `stop`, which becomes the first hot offset."""
    connection.execute(_DROP, {"own": partition, "stop": stop})
    connection.execute(_SET_FIRST, {"own": partition, "offset": stop})


def _row(segment: Segment) -> dict[str, Any]:
    times = pack_times(segment.times)
    place = segment.partition, segment.offset, segment.stream, segment.appended
    return {
        "partition": segment.partition,
        "offset": segment.offset,
        "count": segment.count,
        "stream": segment.stream,
        "appended": segment.appended,
        "times": times,
        "heads": segment.heads,
        "data": segment.data,
        "checksum": _checksum(place, times, segment.heads, segment.data),
    }


def _segment(row: Any) -> Segment:
    """The segment of a row, held against its checksum: SQLite has none of its own."""
    *place, times, heads, data, checksum = row
    if checksum is not None and checksum != _checksum(tuple(place), times, heads, data):
        raise DatabaseDamagedError(f"the records from {row[0]}:{row[1]} on are not those that were stored")
    return Segment(row[0], row[1], row[2], row[3], unpack_times(times), heads, data)


def _checksum(place: tuple[Any, ...], times: bytes, heads: bytes, data: bytes) -> int:
    return crc32(data, crc32(heads, crc32(times, crc32(repr(place).encode()))))
