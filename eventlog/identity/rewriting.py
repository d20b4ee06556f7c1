"""Carries out a plan to bring log and lake together: one transaction, so that a kill leaves the log as it was."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, delete, update

from anabranch import SYSTEM
from eventlog.decisions import FEATURES, EventRetracted, decisions_of
from eventlog.errors import LogUnavailableError
from eventlog.identity.plan import CHUNK_RECORDS, RestorePlan, chunks, stays
from eventlog.identity.record_digest import record_digests
from eventlog.identity.store_name import StoreName
from eventlog.lake import Lake
from eventlog.log import Append, segment_rows
from eventlog.log.id_index import IdIndex
from eventlog.log.placement import place
from eventlog.log.retraction import Retracted, Retraction, note_retraction, select_retracted
from eventlog.log.segment import Segment
from eventlog.log.sql_log import SqlLog
from eventlog.registry.leases import Lease, check_lease
from eventlog.registry.tables import heads, ids, leases, log_identity, retractions, segments

LOST = "record_lost"
"""The kind of the decision that stands where a record was lost: offsets are dense, and nobody acts on it."""
_ASIDE = -1
"""The partition where the log's own records wait meanwhile; nobody outside of the transaction sees it."""
_PARTITION = 0
_TOKENS = 1_000_000
"""By so much the tokens of leases grow: a run from before may hold a later token than the older copy knows."""


@dataclass(slots=True)
class Restored:
    """What came of it.

    Attributes
    ----------
    end
        Where the log ends now.
    appended, duplicates, dropped
        Of the records that stood where the lake has others: how many were appended behind; how many are there already,
        by their ids; how many were the system's own, or taken out, and are left out.
    """

    end: int
    appended: int = 0
    duplicates: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Rewriting:
    connection: Connection
    lake: Lake
    plan: RestorePlan
    archived: dict[str, int]
    index: IdIndex
    retracted: Retracted
    own_retracted: Retracted
    moved: list[Segment] = field(default_factory=list)
    twice: int = 0


def rewrite(
    log: SqlLog,
    lake: Lake,
    plan: RestorePlan,
    name: StoreName,
    lease: Lease,
    advance: Callable[[int], None] = lambda records: None,
) -> Restored:
    """Carry out a plan, under the batch lease, which is free afterwards.

    Raises
    ------
    LeaseLostError
        If another took the lease over. Nothing was changed.
    LogUnavailableError
        If the log has changed since the plan was made, or cannot be written. Nothing was changed.
    """
    with log.database.write() as connection:
        head = segment_rows.lock_head(connection, _PARTITION)
        check_lease(connection, lease)
        if head != (plan.begin, plan.end):
            raise LogUnavailableError("it has changed since it was looked at; ask for the restore again")
        before = select_retracted(connection)
        if plan.hot_from > plan.begin:
            lake.check(plan.begin, plan.hot_from)
        restored = Restored(max(plan.end, plan.lake_end))
        if plan.start < restored.end:
            _restore_retractions(connection, lake, plan)
            archived = {stream: lake.archived(stream) for stream in lake.streams()}
            now = select_retracted(connection)
            work = _Rewriting(connection, lake, plan, archived, IdIndex(log.database.dialect), now, before)
            _rewrite_records(work, advance)
            restored.duplicates += work.twice
            _append_moved(work, restored, log.clock())
        first = max(plan.begin, plan.hot_from)
        connection.execute(update(heads).where(heads.c.partition == _PARTITION).values(first=first, next=restored.end))
        connection.execute(update(log_identity).values(id=name.log, store=name.store))
        _free(connection, lease)
    log.rewritten(name.log)
    return restored


def _restore_retractions(connection: Connection, lake: Lake, plan: RestorePlan) -> None:
    """Have the index of what was taken out say what the decisions of the lake say."""
    gone = retractions.c.decided >= plan.start, retractions.c.decided < plan.lake_end
    connection.execute(delete(retractions).where(*gone))
    differs = [retractions.c.offset.between(start, stop - 1) for start, stop in plan.differing]
    for condition in differs:  # what was taken out there is another record now
        connection.execute(delete(retractions).where(condition, retractions.c.decided >= plan.start))
    known = set(select_retracted(connection))
    for segment in lake.read_stream(SYSTEM, plan.start, plan.lake_end):
        for record, decision in decisions_of(segment):
            if isinstance(decision, EventRetracted) and decision.offset not in known:
                known.add(decision.offset)
                taken_out = Retraction(decision.stream, decision.offset, None)
                note_retraction(connection, _PARTITION, taken_out, record.offset)


def _rewrite_records(work: _Rewriting, advance: Callable[[int], None]) -> None:
    """Have the hot log hold, before the lake's end, what the lake holds there."""
    connection, plan = work.connection, work.plan
    start = plan.start
    if start < plan.end:  # a segment that reaches over the border is written anew as a whole
        start = segment_rows.select_segments(connection, _PARTITION, start, start + 1)[0].offset
    own = segments.c.partition == _PARTITION, segments.c.offset >= start
    connection.execute(update(segments).where(*own).values(partition=_ASIDE, checksum=None))  # it is of its place, too
    connection.execute(delete(ids).where(ids.c.offset >= start))
    if plan.hot_from > plan.begin:
        old = segments.c.partition == _PARTITION, segments.c.offset < plan.hot_from
        connection.execute(delete(segments).where(*old))
        connection.execute(delete(ids).where(ids.c.offset < plan.hot_from))
    # of what is not hot afterwards only the records that have to make room are of interest
    reading_from = start if plan.differing else max(start, plan.hot_from)
    for first, stop, records in chunks(work.lake, reading_from, plan.lake_end):
        mine = _aside(connection, first, stop)
        new = list(_filled(records, mine, first, stop, work.archived))
        work.moved += _displaced(records, mine, work.archived)
        _store(work, (segment.tail(plan.hot_from) for segment in new if segment.end > plan.hot_from))
        advance(stop - first)
    for first in range(plan.lake_end, plan.end, CHUNK_RECORDS):
        for segment in _aside(connection, first, min(first + CHUNK_RECORDS, plan.end)):
            _store(work, _once(work, segment))
    connection.execute(delete(segments).where(segments.c.partition == _ASIDE))
    _void(work)


def _once(work: _Rewriting, segment: Segment) -> Iterator[Segment]:
    """The log's own records behind the lake's end, with marks for those that the lake has as well, by their ids.

    Who had no answer, or one that the older copy did not know of, has sent them again.
    """
    free = segment.stream not in (SYSTEM, FEATURES)
    known = work.index.find(work.connection, segment.stream, segment.ids()) if free else {}
    twice = [offset for offset, id_ in enumerate(segment.ids(), segment.offset) if id_ is not None and id_ in known]
    position = segment.offset
    for start, stop in _runs([offset for offset in twice if offset not in work.own_retracted]):
        if position < start:
            yield segment.tail(position).head(start)
        yield from _marks(start, stop, segment.appended)
        work.twice += stop - start
        position = stop
    if position < segment.end:
        yield segment.tail(position)


def _aside(connection: Connection, start: int, stop: int) -> list[Segment]:
    """The log's own records of [start, stop) that wait aside."""
    found: list[Segment] = []
    position = start
    while position < stop:
        read = segment_rows.select_segments(connection, _ASIDE, position, stop)
        read = [segment.tail(position).head(stop) for segment in read if segment.end > position]
        if not read:
            break
        found += [replace(segment, partition=_PARTITION) for segment in read]
        position = read[-1].end
    return found


def _filled(
    records: Sequence[Segment], own: Sequence[Segment], start: int, stop: int, archived: dict[str, int]
) -> Iterator[Segment]:
    """The records of the lake, and between them the log's own where they may stay, or marks that they were lost."""
    position, appended = start, records[0].appended if records else 0
    for segment in [*records, None]:
        until = stop if segment is None else segment.offset
        for mine in own:
            low, high = max(position, stays(mine, archived)), min(until, mine.end)
            if low < high:
                yield from _marks(position, low, appended)
                yield mine.tail(low).head(high)
                position, appended = high, mine.appended
        yield from _marks(position, until, appended)
        if segment is not None:
            yield segment
            position, appended = segment.end, segment.appended


def _marks(start: int, stop: int, appended: int) -> Iterator[Segment]:
    """Marks of lost records at [start, stop)."""
    if start < stop:
        count = stop - start
        data = [json.dumps({"kind": LOST}).encode()] * count
        yield Segment.of(_PARTITION, start, SYSTEM, appended, [appended] * count, [None] * count, [None] * count, data)


def _displaced(records: Iterable[Segment], own: Iterable[Segment], archived: dict[str, int]) -> Iterator[Segment]:
    """The log's own records that are not those of the lake at their offsets, in runs."""
    digests = {
        segment.offset + index: digest for segment in records for index, digest in enumerate(record_digests(segment))
    }
    for mine in own:
        moving = [
            offset
            for offset, digest in enumerate(record_digests(mine), mine.offset)
            if digests.get(offset, "" if offset < archived.get(mine.stream, 0) else digest) != digest
        ]
        for start, stop in _runs(moving):
            yield mine.tail(start).head(stop)


def _runs(offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of consecutive numbers."""
    for index, offset in enumerate(offsets):
        if not index or offset != offsets[index - 1] + 1:
            start = offset
        if index + 1 == len(offsets) or offsets[index + 1] != offset + 1:
            yield start, offset + 1


def _store(work: _Rewriting, new: Iterable[Segment]) -> None:
    """Write segments, and the ids by which their records find duplicates."""
    for segment in new:
        segment_rows.insert_segments(work.connection, [segment])
        known = [None if offset in work.retracted else id_ for offset, id_ in enumerate(segment.ids(), segment.offset)]
        work.index.put(work.connection, segment.stream, known, segment.offset)


def _append_moved(work: _Rewriting, restored: Restored, now: int) -> None:
    """Append the log's own records that had to make room: users' events and predictions, as of now.

    What the system had decided meanwhile is left out: it was decided in sight of a log that lacked records.
    """
    for segment in work.moved:
        kept = [
            index
            for index in range(segment.count)
            if segment.stream not in (SYSTEM, FEATURES) and segment.offset + index not in work.own_retracted
        ]
        restored.dropped += segment.count - len(kept)
        if not kept:
            continue
        append = _columns(segment, kept)
        known = work.index.find(work.connection, segment.stream, append.ids)
        arranged = place([append], known, partition=_PARTITION, offset=restored.end, now=now)
        segment_rows.insert_segments(work.connection, arranged.segments)
        work.index.put(work.connection, segment.stream, arranged.ids, restored.end)
        restored.end += len(arranged.ids)
        restored.appended += arranged.results[0].accepted
        restored.duplicates += arranged.results[0].duplicates


def _columns(segment: Segment, kept: Sequence[int]) -> Append:
    """Records of a segment as they were posted."""
    all_ids, keys, events = segment.ids(), segment.keys(), segment.events()
    times: array[int] = segment.times
    return Append(
        segment.stream,
        [all_ids[index] for index in kept],
        [keys[index] for index in kept],
        [times[index] for index in kept],
        [events[index] for index in kept],
    )


def _void(work: _Rewriting) -> None:
    """Make void what the log decided, behind the lake's end, on records that are others now."""
    plan = work.plan
    places = {offset for start, stop in plan.differing for offset in range(start, stop)}
    position = plan.lake_end
    while places and position < plan.end:
        found = segment_rows.select_system_segments(work.connection, _PARTITION, position, plan.end, 256)
        for segment in found:
            events = segment.events()
            for record, decision in decisions_of(segment):
                if isinstance(decision, EventRetracted) and decision.offset in places:
                    events[record.offset - segment.offset] = json.dumps({**record.data, "kind": LOST}).encode()
            if events != segment.events():
                gone = segments.c.partition == _PARTITION, segments.c.offset == segment.offset
                work.connection.execute(delete(segments).where(*gone))
                ids_, keys, times = segment.ids(), segment.keys(), list(segment.times)
                place_ = segment.partition, segment.offset, segment.stream, segment.appended
                segment_rows.insert_segments(work.connection, [Segment.of(*place_, times, ids_, keys, events)])
        if not found:
            return
        position = found[-1].end


def _free(connection: Connection, lease: Lease) -> None:
    """Free the lease, and have all tokens go on far behind those that were ever given."""
    connection.execute(update(leases).values(token=leases.c.token + _TOKENS))
    connection.execute(update(leases).where(leases.c.name == lease.name).values(holder=None, expires=0))
