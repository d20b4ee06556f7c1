"""Whether two records are the same, however they are stored: the log has segments, the lake has rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from anabranch import Cut
from eventlog.errors import CorruptLogError, DatabaseDamagedError, LakeDamagedError, RecordsTrimmedError
from eventlog.log import Log
from eventlog.log.segment import Segment


def record_digests(segment: Segment) -> Iterator[str]:
    """The sha256 of each record of a segment: of all that it is, but not of its stream.

    A record that was taken out reads as one of another stream, and is the same record.
    """
    ids, keys, events = segment.ids(), segment.keys(), segment.events()
    for index, (time, id_, key, event) in enumerate(zip(segment.times, ids, keys, events, strict=True)):
        place = json.dumps([segment.partition, segment.offset + index, segment.appended, time, id_, key])
        yield hashlib.sha256(place.encode() + b"\n" + event).hexdigest()


def record_at(log: Log, offset: int) -> Segment | None:
    """The record at an offset, as a segment of one; None: the log ends before, or it cannot be read.

    Raises
    ------
    LogUnavailableError
        If the database cannot answer now.
    """
    try:
        found = log.read(Cut((offset,)), 1)
    except (RecordsTrimmedError, LakeDamagedError, DatabaseDamagedError, CorruptLogError):
        return None  # whoever needs it tells of that
    return found[0].head(offset + 1) if found else None


def digest_before(log: Log, cut: Cut) -> str | None:
    """The digest of the last record before `cut`; None: there is none, or it cannot be read."""
    found = record_at(log, cut.offsets[0] - 1) if cut.offsets[0] else None
    return None if found is None else next(record_digests(found))
