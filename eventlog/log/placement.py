"""Where events go in the log: the pure part of appending, the same for every kind of log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from anabranch import Cut
from eventlog.log import Append, Appended
from eventlog.log.segment import Segment

Value = TypeVar("Value")
MAX_SEGMENT_RECORDS = 8192
MAX_SEGMENT_BYTES = 4 * 2**20
"""A segment of more events is divided, so that a reader never has to take much more than it asked for."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a commit writes for one stream.

    Attributes
    ----------
    ids
        Of the accepted events, in order; the first stands at the offset that was given.
    segments
        The accepted events.
    results
        One for each append.
    """

    ids: list[str | None]
    segments: list[Segment]
    results: list[Appended]


def place(
    appends: list[Append], offset_by_id: Mapping[str, int] | None, *, partition: int, offset: int, now: int
) -> Placement:
    """Place the events of appends of one stream from `offset` on, without the duplicates.

    Parameters
    ----------
    appends
        All of the same stream.
    offset_by_id
        Where the log holds ids of these appends already; None: it holds none, and none of them occurs twice.
    partition, offset
        Where the first accepted event goes.
    now
        The append time in microseconds.

    >>> twice = Append("s", ["a", "a"], [None, None], [1, 2], [b"{}", b"{}"])
    >>> arranged = place([twice, twice], {}, partition=0, offset=7, now=9)
    >>> [(r.accepted, r.duplicates, str(r.position)) for r in arranged.results]
    [(1, 1, '0:8'), (0, 2, '0:8')]
    """
    kept, results = appends, None
    if offset_by_id is not None and (offset_by_id or _repeat(joined_column(append.ids for append in appends))):
        kept, results = _without_duplicates(appends, offset_by_id, offset)
    ids = joined_column(append.ids for append in kept)
    keys = joined_column(append.keys for append in kept)
    data = joined_column(append.data for append in kept)
    times = [now if time is None else time for append in kept for time in append.times]
    segments = [
        Segment.of(partition, offset + i, appends[0].stream, now, times[i:j], ids[i:j], keys[i:j], data[i:j])
        for i, j in _pieces(data)
    ]
    return Placement(ids, segments, list(_all_accepted(appends, offset)) if results is None else results)


def joined_column(columns: Iterable[list[Value]]) -> list[Value]:
    """The values of a column of several appends, one append after the other."""
    return list(chain.from_iterable(columns))


def _repeat(ids: list[str | None]) -> bool:
    """Whether an id occurs twice."""
    unique = set(ids)
    unique.discard(None)
    return len(unique) < len(ids) - ids.count(None)


def _all_accepted(appends: Iterable[Append], offset: int) -> Iterator[Appended]:
    for append in appends:
        offset += len(append.data)
        yield Appended(Cut((offset,)), len(append.data), 0)


def _without_duplicates(
    appends: list[Append], offset_by_id: Mapping[str, int], offset: int
) -> tuple[list[Append], list[Appended]]:
    """The appends without what is there already, and what became of each."""
    seen = dict(offset_by_id)
    kept, results = [], []
    for append in appends:
        chosen: list[int] = []
        last = -1
        for index, id_ in enumerate(append.ids):
            original = None if id_ is None else seen.get(id_)
            if original is None:
                original = offset + len(chosen)
                chosen.append(index)
                if id_ is not None:  # the same id may come again in this append, or in one that is committed with it
                    seen[id_] = original
            # a duplicate counts where its original stands: who waits for the position then sees that, too
            last = max(last, original)
        offset += len(chosen)
        position = Cut((last + 1 if append.ids else offset,))
        results.append(Appended(position, len(chosen), len(append.ids) - len(chosen)))
        kept.append(_choose(append, chosen))
    return kept, results


def _choose(append: Append, indexes: list[int]) -> Append:
    return Append(
        append.stream,
        [append.ids[i] for i in indexes],
        [append.keys[i] for i in indexes],
        [append.times[i] for i in indexes],
        [append.data[i] for i in indexes],
    )


def _pieces(data: list[bytes]) -> Iterator[tuple[int, int]]:
    """Ranges of events that make a segment each."""
    if len(data) <= MAX_SEGMENT_RECORDS and sum(map(len, data)) <= MAX_SEGMENT_BYTES:
        if data:
            yield 0, len(data)
        return
    start = size = 0
    for index, event in enumerate(data):
        if index > start and (index - start >= MAX_SEGMENT_RECORDS or size + len(event) > MAX_SEGMENT_BYTES):
            yield start, index
            start, size = index, 0
        size += len(event)
    yield start, len(data)
