"""The log in a database."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Condition
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Connection

from anabranch import SYSTEM, Cut
from eventlog.clock import Clock, now_us
from eventlog.errors import LogReadOnlyError
from eventlog.log import Append, Appended, segment_rows
from eventlog.log.archived_segments import abutting, read_archived, read_archived_system
from eventlog.log.commit_outcome import PATIENCE_SECONDS, CommitId, Commits, drop_commits, was_committed
from eventlog.log.group_commit import Committer, Outcome, QueuedAppend
from eventlog.log.id_index import IdIndex
from eventlog.log.identity import opened_id
from eventlog.log.keyed_requests import Answered, add_answered, drop_answered, find_answered
from eventlog.log.misfit import Misfit
from eventlog.log.placement import Placement, joined_column, place
from eventlog.log.repeated_appends import RepeatedAppends
from eventlog.log.retraction import Retracted, Retraction, note_retraction, select_retracted, without
from eventlog.log.segment import Segment
from eventlog.log.segment_cache import SegmentCache
from eventlog.registry.database import Database
from eventlog.registry.leases import Lease, check_lease
from eventlog.registry.letter_keeping import KEPT, LetterBounds, keep_letters, note_retry

if TYPE_CHECKING:
    from eventlog.lake import Lake

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.015
"""How often `SqlLog.wait` looks for what other processes appended."""
TRIM_RECORDS = 50_000
"""About how many records one transaction drops, so that writers never wait long."""
_PARTITION = 0
_SYSTEM_SEGMENTS = 256
"""Of the system's stream, so many segments are in memory at a time."""


class _Written(NamedTuple):
    """What a transaction held when its COMMIT began. All of it is in the database, or nothing.

    Attributes
    ----------
    commit
        By what it is found there.
    start
        The offset of the first of its records.
    segments
        These records.
    """

    commit: CommitId
    start: int
    segments: list[Segment]


class SqlLog:
    """The log in SQLite or PostgreSQL; see `Log` for what its methods promise.

    Every writer begins by locking the row of its partition in `heads`, which holds the next offset, and keeps it
    until the commit. So offsets are dense, and become visible in order, whichever process writes.

    Parameters
    ----------
    database
        Where it is kept. `close` leaves it open.
    lake
        Answers for records that were trimmed; None: they are gone.
    clock
        Tells the append time.
    letter_bounds
        What is kept of the dead letters of a stream.

    Attributes
    ----------
    id, misfit
        See `Log`.
    commits
        How long commits took, and how many failed.
    """

    def __init__(
        self,
        database: Database,
        lake: Lake | None = None,
        clock: Clock = now_us,
        letter_bounds: LetterBounds = KEPT,
    ):
        self.database = database
        self.lake = lake
        self.clock = clock
        self.letter_bounds = letter_bounds
        self._identities = IdIndex(database.dialect)
        self._commits = Commits(database.dialect)
        self._grown = Condition()
        self._recent = SegmentCache()
        self._retracted: Retracted | None = None  # as last read; None: to be read
        self._committed = 0  # the end of the log as far as this process has written it
        self._reached = 0  # the end of the log as far as this process has ever seen it
        self.misfit: Misfit | None = None
        self.id = opened_id(database, _PARTITION, clock)
        self._committer = Committer(self._commit)
        self.commits = self._committer.latencies

    # writing

    def submit(self, append: Append) -> Future[Appended]:
        """Queue an append; see `Log.submit`."""
        self._check_fit()
        return self._committer.submit(QueuedAppend(append), block=False)

    def append(self, append: Append) -> Appended:
        """Append, and wait until it is durable."""
        self._check_fit()
        return self._committer.submit(QueuedAppend(append), block=True).result()

    def mark(self, data: dict[str, Any], lease: Lease | None = None, *, retracts: Retraction | None = None) -> int:
        """Append one event of the system, fenced by a lease; see `Log.mark`."""
        self._check_fit()
        append = Append(SYSTEM, [None], [None], [None], [orjson.dumps(data)], retracts=retracts)
        request = QueuedAppend(append, lease)
        return self._committer.submit(request, block=True).result().position.offsets[_PARTITION] - 1

    def _commit(self, requests: list[QueuedAppend]) -> list[Outcome]:
        """Make requests durable in one transaction: the writer thread's work. When it raises, none is in the log.

        An error at COMMIT says nothing about that: then the database is asked for the commit's id.
        """
        written: _Written | None = None
        try:
            with self.database.write() as connection:
                results, written = self._write(connection, requests)
        except Exception:
            if written is None or not was_committed(self.database, _PARTITION, written.commit, PATIENCE_SECONDS):
                raise
            logger.warning("a commit at offset %s was written, though it raised", written.start, exc_info=True)
        assert written is not None
        if any(request.append.retracts for request in requests):
            self._retracted = None
        self._recent.add(written.start, written.segments)
        with self._grown:
            self._committed = written.commit.end
            self._reached = max(self._reached, written.commit.end)
            self._grown.notify_all()
        return results

    def _write(self, connection: Connection, requests: list[QueuedAppend]) -> tuple[list[Outcome], _Written]:
        """Write requests in the transaction of a connection: all that comes before COMMIT."""
        start = segment_rows.lock_head(connection, _PARTITION).next
        self._look(start, self._reached)
        self._check_fit()
        for request in requests:
            if request.lease is not None:
                check_lease(connection, request.lease)
        appends = [request.append for request in requests]
        if all(append.request is None for append in appends):
            results, segments, offset = self._write_new(connection, start, appends)
            return [*results], _Written(self._commits.note(connection, offset), start, segments)
        repeated = RepeatedAppends(lambda key: find_answered(connection, key), appends)
        new = [place for place in range(len(appends)) if repeated.is_new(place)]
        results, segments, offset = self._write_new(connection, start, [appends[place] for place in new])
        done = dict(zip(new, results, strict=True))
        add_answered(connection, repeated.settle(done, Cut((offset,))))
        outcomes = [done[place] if place in done else repeated.outcome(place) for place in range(len(appends))]
        return outcomes, _Written(self._commits.note(connection, offset), start, segments)

    def _write_new(
        self, connection: Connection, start: int, appends: list[Append]
    ) -> tuple[list[Appended], list[Segment], int]:
        """Write appends from an offset on; returns what became of each, the segments, and the end of the log."""
        appends_by_stream: dict[str, list[Append]] = {}
        for append in appends:
            appends_by_stream.setdefault(append.stream, []).append(append)
        results_by_stream = {}
        segments: list[Segment] = []
        offset = start
        for stream, some in appends_by_stream.items():
            arranged = self._store(connection, offset, stream, some)
            results_by_stream[stream] = iter(arranged.results)
            segments += arranged.segments
            offset += len(arranged.ids)
            self._store_letters(connection, stream, some)
        segment_rows.set_next(connection, _PARTITION, offset)
        results = [next(results_by_stream[append.stream]) for append in appends]
        for append, result in zip(appends, results, strict=True):
            if (retraction := append.retracts) is not None:
                note_retraction(connection, _PARTITION, retraction, result.position.offsets[_PARTITION] - 1)
                self._identities.forget(connection, retraction.stream, [retraction.id])
        return results, segments, offset

    def _store_letters(self, connection: Connection, stream: str, appends: list[Append]) -> None:
        """Keep what was refused of some requests, and note which retries are in."""
        now = self.clock()
        refused = joined_column(append.refused for append in appends)
        if refused:
            keep_letters(connection, stream, refused, now, self.letter_bounds)
        for append in appends:
            if append.retries is not None:
                note_retry(connection, append.retries, now)

    def _store(self, connection: Connection, offset: int, stream: str, appends: list[Append]) -> Placement:
        ids = joined_column(append.ids for append in appends)
        known: dict[str, int] | None = None  # mostly all ids are new; looking first takes as long again
        if not self._identities.add(connection, stream, ids, offset):
            known = self._identities.find(connection, stream, ids)
        arranged = place(appends, known, partition=_PARTITION, offset=offset, now=self.clock())
        if known is not None:
            added = self._identities.add(connection, stream, arranged.ids, offset)
            assert added, "ids that were found to be new are not"
        segment_rows.insert_segments(connection, arranged.segments)
        return arranged

    # reading

    def answered(self, key: str) -> Answered | None:
        """What the first request with a key was told; see `Log.answered`."""
        with self.database.read() as connection:
            return find_answered(connection, key)

    def end(self) -> Cut:
        """The cut after the last visible record."""
        return Cut((self._head().next,))

    def begin(self) -> Cut:
        """The first cut that is still hot."""
        return Cut((self._head().first,))

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        """About `limit` records from `cut` on; see `Log.read`."""
        start, limit = cut.offsets[_PARTITION], max(limit, 1)
        found = self._recent.read(start, limit)
        if not found:
            with self.database.read() as connection:
                first, end = segment_rows.head(connection, _PARTITION)
                if (
                    start < end
                ):  # a trim may come between the two statements: what is found says where the hot log begins
                    found = segment_rows.select_segments(connection, _PARTITION, start, start + limit)
                    first = found[0].offset if found else segment_rows.head(connection, _PARTITION).first
                # another process may have taken events out; asked last, so that it knows every decision that was found
                self._retracted = select_retracted(connection)
            if start < first:
                return without(read_archived(self.lake, start, first, limit), self.retracted())
        hot = abutting([segment.tail(start) for segment in found if segment.end > start], start)
        return without(hot, self.retracted())

    def retracted(self) -> Retracted:
        """Which events were taken out; see `Log.retracted`."""
        known = self._retracted
        if known is None:
            with self.database.read() as connection:
                known = self._retracted = select_retracted(connection)
        return known

    def read_system(self, stop: Cut | None = None) -> Iterator[Segment]:
        """The records of the system's own stream; see `Log.read_system`."""
        start, end = 0, (self.end() if stop is None else stop).offsets[0]
        while start < end:
            with self.database.read() as connection:
                found = segment_rows.select_system_segments(connection, _PARTITION, start, end, _SYSTEM_SEGMENTS)
                # asked after the segments: what was trimmed before they were read lies before this, for the lake
                first = min(segment_rows.head(connection, _PARTITION).first, end)
            if start < first:
                yield from read_archived_system(self.lake, start, first)
                start = first
                continue
            yield from (segment.head(end) for segment in found)
            if len(found) < _SYSTEM_SEGMENTS:
                return
            start = found[-1].end

    def wait(self, cut: Cut, timeout_seconds: float) -> bool:
        """Wait until the log grows past `cut`; see `Log.wait`."""
        offset = cut.offsets[_PARTITION]
        deadline = time.monotonic() + timeout_seconds
        while self._committed <= offset and self._head().next <= offset:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            with self._grown:
                if self._committed <= offset:
                    self._grown.wait(min(remaining, POLL_SECONDS))
        return True

    def _head(self) -> segment_rows.Head:
        reached = self._reached  # before the database is asked: this process may be writing meanwhile
        with self.database.read() as connection:
            head = segment_rows.head(connection, _PARTITION)
        self._look(head.next, reached)
        return head

    def rewritten(self, id: str) -> None:  # noqa: A002 (the word of the log)
        """Forget what this process knows of the records: they were brought back, or are others now; so may be the id.

        See `eventlog.identity.rewriting`, which alone does that.
        """
        self.id = id
        self._recent.clear()
        self._retracted = None

    # fitting

    def _look(self, end: int, reached: int) -> None:
        """Hold the end of the log, as the database tells it, against what was seen of it before.

        A log only grows. One that is shorter was put back from an older copy, or is that of another server which had
        not got everything when it took over: its next offsets were those of other records, which others have seen.
        """
        self._reached = max(self._reached, end)
        if end < reached and self.misfit is None:
            problem = f"the log ends at 0:{end}, but this process has seen it end at 0:{reached}: an older copy of its"
            self.misfit = Misfit("log-behind", f"{problem} database was put back", end)
            logger.error("%s", self.misfit)

    def _check_fit(self) -> None:
        if self.misfit is not None:
            raise LogReadOnlyError(self.misfit)

    # trimming

    def trim(self, before: Cut) -> int:
        """Drop hot segments wholly before, and their ids; see `Log.trim`."""
        self._check_fit()
        dropped = 0
        while piece := self._trim_piece(before.offsets[_PARTITION]):
            dropped += piece
        return dropped

    def _trim_piece(self, before: int) -> int:
        with self.database.write() as connection:
            first = segment_rows.lock_head(connection, _PARTITION).first
            retracted = select_retracted(connection)
            going = segment_rows.segments_before(connection, _PARTITION, min(before, first + TRIM_RECORDS))
            for segment in going:
                ids = orjson.loads(segment.heads)[0]
                kept = range(segment.end - len(ids), segment.end)
                # the id of what was taken out is that of a later event by now, if it came again
                mine = [id_ for offset, id_ in zip(kept, ids, strict=True) if offset not in retracted]
                self._identities.forget(connection, segment.stream, mine)
            if not going:
                return 0
            segment_rows.drop_segments(connection, _PARTITION, going[-1].end)
            drop_commits(connection, going[-1].end)
            drop_answered(connection, going[-1].end)
            self._recent.clear()
            return going[-1].end - first

    def close(self) -> None:
        """Commit what is queued, and end the writer thread."""
        self._committer.close()
