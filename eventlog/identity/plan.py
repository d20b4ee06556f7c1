"""What it takes to bring a log and its store together again: found by reading only.

The lake is what was archived, so it is what others have seen: its records keep their offsets. Where the log has other
records at the same offsets, it was put back from an older copy and then went on; those are appended behind, anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from anabranch import SYSTEM, Cut
from eventlog.errors import LogReadOnlyError
from eventlog.identity.fit import LakeNames
from eventlog.identity.record_digest import record_digests
from eventlog.identity.store_name import StoreName, name_store, store_name
from eventlog.lake import Lake
from eventlog.log.identity import bound_store
from eventlog.log.misfit import Misfit
from eventlog.log.reading import read_through
from eventlog.log.segment import Segment
from eventlog.log.sql_log import SqlLog
from eventlog.store.store import Store

CHUNK_RECORDS = 50_000
"""Of so many offsets at a time the records are in memory."""
Ranges = list[tuple[int, int]]
"""Half-open ranges of offsets, in order."""


@dataclass(slots=True)
class RestorePlan:
    """What would be done.

    Attributes
    ----------
    begin, end
        The hot log as it is.
    lake_end
        Where the lake ends; what lies before is in it, but for `lost`.
    start
        The first offset at which the log is to change.
    hot_from
        Records before this are served from the lake: they are older than what the hot log keeps.
    store
        What the store says of itself, if the log is to take that over: the id of the log that was lost (`adopts`), or
        that it is archived there from now on (`binds`).
    returning
        How many records of each stream come back out of the lake.
    differing
        Where the log has other records than the lake; `moved` of which stream how many are appended behind.
    lost
        Where neither has the record that once was there: the run that archived its neighbours was killed.
    """

    begin: int
    end: int
    lake_end: int
    start: int
    hot_from: int
    store: StoreName | None = None
    adopts: bool = False
    binds: bool = False
    returning: Counter[str] = field(default_factory=Counter)
    differing: Ranges = field(default_factory=list)
    moved: Counter[str] = field(default_factory=Counter)
    lost: Ranges = field(default_factory=list)

    @property
    def changes_log(self) -> bool:
        """Whether anything of the log is to change."""
        return self.adopts or self.binds or self.start < max(self.lake_end, self.end)


def plan_of(log: SqlLog, store: Store, lake: Lake, misfit: Misfit, keep_since: int) -> RestorePlan:
    """Find out.

    Parameters
    ----------
    misfit
        What does not fit.
    keep_since
        What was appended at this time (µs) or later is hot afterwards, so that its ids find duplicates.

    Raises
    ------
    LogReadOnlyError
        If it cannot be done: what is missing is nowhere.
    LakeDamagedError
        If the lake is damaged.
    """
    name, bound = store_name(store), bound_store(log.database)
    begin, end = log.begin().offsets[0], log.end().offsets[0]
    lake.check_whole(lake.archived(SYSTEM))
    lake_end = max([lake.archived(name) for name in lake.streams()], default=0)
    adopts = name is not None and name.log != log.id
    if misfit.kind == "store-behind" or (adopts and end):
        raise LogReadOnlyError(misfit)
    binds = adopts or bound is None or name is None or bound != name.store
    if misfit.kind == "other-store" and (begin or lake_end):  # what it has dropped is in the other one alone
        raise LogReadOnlyError(misfit)
    if LakeNames.of(store).end > lake_end:
        raise LogReadOnlyError(_uncommitted(store, lake_end))
    plan = RestorePlan(begin, end, lake_end, max(end, lake_end), begin, name, adopts, binds)
    archived = {stream: lake.archived(stream) for stream in lake.streams()}
    for start, stop, records in chunks(lake, begin, lake_end):
        _compare(plan, log, start, stop, records, archived)
    if plan.start < lake_end:
        found = _hot_from(lake, plan.start, archived.get(SYSTEM, 0), keep_since)
        plan.hot_from = found if found > plan.start else begin
    return plan


def named(plan: RestorePlan, store: Store, log: SqlLog) -> StoreName:
    """What the store says of itself, which it is made to say if it does not yet."""
    return plan.store or name_store(store, log.id)


def chunks(lake: Lake, start: int, end: int) -> Iterator[tuple[int, int, list[Segment]]]:
    """What the lake has of [start, end), some ten thousand offsets at a time: ``[first, stop)``, and its records."""
    streams = lake.streams()
    for first in range(start, end, CHUNK_RECORDS):
        stop = min(first + CHUNK_RECORDS, end)
        found = [segment for name in streams for segment in lake.read_stream(name, first, stop)]
        yield first, stop, sorted(found, key=lambda segment: segment.offset)


def stays(segment: Segment, archived: dict[str, int]) -> int:
    """The offset from which on records of the log may stand where the lake has none.

    Before it the stream counts as archived: what stood there would never be.
    """
    return max(segment.offset, archived.get(segment.stream, 0))


def _compare(
    plan: RestorePlan, log: SqlLog, start: int, stop: int, records: list[Segment], archived: dict[str, int]
) -> None:
    """Note of some offsets what comes back, what differs, and what neither has."""
    position = start
    for segment in records:
        if segment.offset > position:
            _note_hole(plan, position, segment.offset)
        position = segment.end
        back = segment.end - max(segment.offset, plan.end)
        if back > 0:
            plan.returning[segment.stream] += back
    _note_hole(plan, position, stop)
    if stop > plan.end:
        plan.start = min(plan.start, max(start, plan.end))
    if start >= plan.end:
        return
    digests = {
        segment.offset + index: digest for segment in records for index, digest in enumerate(record_digests(segment))
    }
    for found in read_through(log, Cut((start,)), Cut((min(stop, plan.end),))):
        for own in found:
            for offset, digest in enumerate(record_digests(own), own.offset):
                is_taken = offset not in digests and offset < archived.get(own.stream, 0)
                if is_taken or digests.get(offset, digest) != digest:
                    _note(plan.differing, offset, offset + 1)
                    plan.moved[own.stream] += 1
                    plan.start = min(plan.start, offset)


def _note_hole(plan: RestorePlan, start: int, stop: int) -> None:
    """Of a hole that the log does not fill itself."""
    if max(start, plan.end) < stop:
        _note(plan.lost, max(start, plan.end), stop)


def _note(ranges: Ranges, start: int, stop: int) -> None:
    if ranges and ranges[-1][1] == start:
        ranges[-1] = (ranges[-1][0], stop)
    else:
        ranges.append((start, stop))


def _hot_from(lake: Lake, start: int, end: int, keep_since: int) -> int:
    """The first offset in [start, end) that was appended at a time or later, by bisection; `end`: none was."""
    while start < end:
        middle = (start + end) // 2
        found = lake.read(Cut((middle,)), 1)
        if found and found[0].appended < keep_since:
            start = middle + 1
        else:
            end = middle
    return end


def _uncommitted(store: Store, lake_end: int) -> Misfit:
    problem = (
        f"the lake of {store.url} has data files behind 0:{lake_end} that no commit names: the run that wrote them was"
        " killed, or the commits were lost; anabranch restore --yes commits them first"
    )
    return Misfit("log-behind", problem, lake_end)
