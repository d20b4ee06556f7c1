"""Reading the records of one stream off the log, with bounded work a request."""

from __future__ import annotations

from typing import Any

import orjson

from anabranch import Cut
from anabranch.instant import iso
from eventlog.log import Log
from eventlog.log.segment import Segment

LOOKED_AT_MOST = 100_000
"""Records that a request looks at, whatever stream they are of. What it did not reach, the next one does."""
_READ_LEAST, _READ_MOST = 256, 10_000


def browse(log: Log, stream: str, after: Cut, limit: int) -> tuple[list[Segment], Cut]:
    """At most `limit` records of `stream` from `after` on, and the cut to go on at.

    There may be more, even if none was found: not until it returns `after` itself was that the end of the log.
    """
    found: list[Segment] = []
    cut, missing, looked = after, limit, 0
    while looked < LOOKED_AT_MOST and (
        segments := log.read(cut, min(max(missing, looked, _READ_LEAST), _READ_MOST))  # more, the rarer they are
    ):
        for segment in segments:
            looked += segment.count
            if segment.stream == stream:
                segment = segment.head(segment.offset + missing)
                found.append(segment)
                missing -= segment.count
            cut = Cut((segment.end,))
            if not missing:
                return found, cut
    return found, cut


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
