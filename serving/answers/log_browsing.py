"""Reading the records of one stream off the log, with bounded work a request."""

from __future__ import annotations

from typing import Any

import orjson

from anabranch import Cut
from anabranch.instant import iso
from eventlog.log import Log
from eventlog.log.segment import SEPARATOR, Segment

LOOKED_AT_MOST = 100_000
"""Records that a request looks at, whatever stream they are of. What it did not reach, the next one does."""
ANSWERED_BYTES = 16 * 2**20
"""An answer has no more bytes of events than this, but for a single event that has; `next` goes on behind them."""
_READ_LEAST, _READ_MOST = 256, 10_000


def browse(
    log: Log,
    stream: str,
    after: Cut,
    limit: int,
    *,
    looked_at_most: int = LOOKED_AT_MOST,
    read_most: int = _READ_MOST,
    answered_bytes: int = ANSWERED_BYTES,
) -> tuple[list[Segment], Cut]:
    """Some records of a stream, and the cut to go on at.

    There may be more, even if none was found: not until it returns `after` itself was that the end of the log.

    Parameters
    ----------
    after
        The first record that may be found is the one at this cut.
    limit, answered_bytes
        The most records, and bytes of them, that are returned; one record is, however large.
    looked_at_most
        The most records, of any stream, that are looked at; up to `read_most` more in the last reading.
    """
    found: list[Segment] = []
    cut, missing, looked, room = after, limit, 0, answered_bytes
    while looked < looked_at_most and (
        segments := log.read(cut, min(max(missing, looked, _READ_LEAST), read_most))  # more, the rarer they are
    ):
        for segment in segments:
            looked += segment.count
            if segment.stream != stream:
                cut = Cut((segment.end,))
                continue
            wanted = segment.head(segment.offset + missing)
            fitting = _fitting(wanted, room, whole=not found)
            if fitting.count:
                found.append(fitting)
                missing -= fitting.count
                room -= _bytes(fitting)
                cut = Cut((fitting.end,))
            if not missing or fitting.count < wanted.count:
                return found, cut
    return found, cut


def _fitting(segment: Segment, room: int, *, whole: bool) -> Segment:
    """As many of the first records of a segment as have room; with `whole` at least one."""
    if _bytes(segment) <= room:
        return segment
    fits, around = 0, -(-len(segment.heads) // segment.count) + len(SEPARATOR)
    for event in segment.events():
        room -= len(event) + around
        if room < 0 and not (whole and fits == 0):
            break
        fits += 1
    return segment.head(segment.offset + fits)


def _bytes(segment: Segment) -> int:
    return len(segment.data) + len(segment.heads)


def events_json(segment: Segment) -> list[dict[str, Any]]:
    """The records of a segment as JSON; their data as it is stored."""
    heads = zip(segment.times, segment.keys(), segment.ids(), segment.events(), strict=True)
    appended = iso(segment.appended)
    return [
        {
            "partition": segment.partition,
            "offset": segment.offset + index,
            "time": iso(time),
            "appended": appended,
            "key": key,
            "id": id_,
            "data": orjson.Fragment(data),
        }
        for index, (time, key, id_, data) in enumerate(heads)
    ]
