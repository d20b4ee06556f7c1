"""A segment: consecutive records of one stream, appended together, as the log stores and hands them out."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from eventlog.errors import CorruptLogError

SEPARATOR = b",\n"
"""Between two events in `Segment.data`. JSON text that holds no line break cannot contain it."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event at its place in the log. `time` and `appended` are microseconds since 1970."""

    partition: int
    offset: int
    stream: str
    time: int
    appended: int
    key: str | None
    id: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Segment:
    """Records `offset` .. `end` of a partition: all of one stream, appended together.

    The events stay bytes until somebody looks: most readers fold `data` and never ask for ids and keys.

    Attributes
    ----------
    partition, offset
        Where the first record stands.
    stream
        What they are events of.
    appended
        When they were appended, in microseconds.
    times
        The event time of each, in microseconds.
    heads
        JSON ``[[id or null, ...], [key or null, ...]]``.
    data
        A JSON array with one event a line, each as the log stores it.
    """

    partition: int
    offset: int
    stream: str
    appended: int
    times: array[int]
    heads: bytes
    data: bytes

    @classmethod
    def of(
        cls,
        partition: int,
        offset: int,
        stream: str,
        appended: int,
        times: list[int],
        ids: list[str | None],
        keys: list[str | None],
        events: list[bytes],
    ) -> Segment:
        """Make a segment of columns; `events` are JSON objects."""
        text = SEPARATOR.join(events)
        if text.count(b"\n") != len(events) - 1:  # JSON strings hold no raw line breaks: these are white space
            text = SEPARATOR.join(event.replace(b"\n", b" ") for event in events)
        return cls(partition, offset, stream, appended, array("q", times), orjson.dumps((ids, keys)), b"[%b]" % text)

    @property
    def count(self) -> int:
        """How many records."""
        return len(self.times)

    @property
    def end(self) -> int:
        """The offset just after the last record."""
        return self.offset + len(self.times)

    def ids(self) -> list[str | None]:
        """The id of each event."""
        ids: list[str | None] = orjson.loads(self.heads)[0]
        return ids

    def keys(self) -> list[str | None]:
        """The key of each event."""
        keys: list[str | None] = orjson.loads(self.heads)[1]
        return keys

    def events(self) -> list[bytes]:
        """The JSON text of each event, as stored.

        Raises
        ------
        CorruptLogError
            If there are not as many as there are times.
        """
        events = self.data[1:-1].split(SEPARATOR) if self.times else []
        if len(events) != len(self.times):  # an array that was not written by `of`
            events = [orjson.dumps(event) for event in orjson.loads(self.data)]
        if len(events) != len(self.times):
            where = f"segment {self.partition}:{self.offset} of stream {self.stream!r}"
            raise CorruptLogError(where, f"{len(self.times)} events", f"{len(events)}")
        return events

    def tail(self, offset: int) -> Segment:
        """Only the records from `offset` on; itself if that is all of them."""
        return self if offset <= self.offset else self._slice(offset - self.offset, len(self.times))

    def head(self, offset: int) -> Segment:
        """Only the records before `offset`; itself if that is all of them."""
        return self if offset >= self.end else self._slice(0, max(offset - self.offset, 0))

    def _slice(self, start: int, stop: int) -> Segment:
        ids, keys = orjson.loads(self.heads)
        return Segment(
            self.partition,
            self.offset + start,
            self.stream,
            self.appended,
            self.times[start:stop],
            orjson.dumps((ids[start:stop], keys[start:stop])),
            b"[%b]" % SEPARATOR.join(self.events()[start:stop]),
        )

    def records(self) -> Iterator[Record]:
        """The records one by one, decoded."""
        ids, keys = orjson.loads(self.heads)
        events = orjson.loads(self.data)
        for index, (time, id_, key, data) in enumerate(zip(self.times, ids, keys, events, strict=True)):
            yield Record(self.partition, self.offset + index, self.stream, time, self.appended, key, id_, data)


def joined(segments: Iterable[Segment], most: int) -> Iterator[Segment]:
    """The same records in fewer segments: neighbours of one stream together, as long as they have at most `most`.

    A log of single events is folded several times faster so. What is joined counts as appended when its first was.
    """
    waiting: list[Segment] = []
    count = 0
    for segment in segments:
        if waiting and (segment.stream != waiting[0].stream or count + segment.count > most):
            yield _join(waiting)
            waiting, count = [], 0
        waiting.append(segment)
        count += segment.count
    if waiting:
        yield _join(waiting)


def _join(segments: list[Segment]) -> Segment:
    first = segments[0]
    if len(segments) == 1:
        return first
    times: array[int] = array("q")
    ids: list[str | None] = []
    keys: list[str | None] = []
    for segment in segments:
        times += segment.times
        more_ids, more_keys = orjson.loads(segment.heads)
        ids += more_ids
        keys += more_keys
    heads = orjson.dumps((ids, keys))
    data = b"[%b]" % SEPARATOR.join(segment.data[1:-1] for segment in segments)
    return Segment(first.partition, first.offset, first.stream, first.appended, times, heads, data)


def pack_times(times: array[int]) -> bytes:
    """Times as stored: 64-bit little endian."""
    return _little_endian(times).tobytes()


def unpack_times(stored: bytes) -> array[int]:
    """Times from how they are stored."""
    times = array("q")
    times.frombytes(stored)
    return _little_endian(times)


def _little_endian(times: array[int]) -> array[int]:
    if sys.byteorder == "big":
        times = array("q", times)
        times.byteswap()
    return times
