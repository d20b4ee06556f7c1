"""A commit whose answer does not arrive: written or not, each event is in the log once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event, text

from anabranch import Cut
from eventlog import Append
from eventlog.errors import LogUnavailableError
from eventlog.log.commit_outcome import Written, was_committed
from eventlog.log.segment import Segment
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from tests.contracts.log import START, anonymous, read_all, records
from tests.cut_connections import BreakingWay
from tests.databases import PostgresqlServer

REFUSED = Append("clicks", [], [], [], [], refused=[(b"{", [{"field": "", "message": "not JSON"}])])


@pytest.fixture
def way(postgresql: PostgresqlServer, postgresql_url: str) -> Iterator[BreakingWay]:
    way = BreakingWay(postgresql.socket, postgresql_url)
    yield way
    way.close()


@pytest.fixture
def log(way: BreakingWay) -> Iterator[SqlLog]:
    log = SqlLog(Database(way.url))
    yield log
    log.close()
    log.database.close()


def test_events_whose_commit_was_written_unheard_are_accepted_and_there_once(way: BreakingWay, log: SqlLog) -> None:
    log.append(anonymous(2))
    way.break_at_commit("after")
    done = log.append(anonymous(3))
    assert way.broken.is_set()
    assert (done.accepted, done.position) == (3, Cut((5,)))
    assert len(records(read_all(log))) == 5
    assert log.append(anonymous(1)).position == Cut((6,))


def test_a_mark_whose_commit_was_written_unheard_is_there_once(way: BreakingWay, log: SqlLog) -> None:
    way.break_at_commit("after")
    assert log.mark({"kind": "batch_started"}) == 0
    assert way.broken.is_set()
    assert log.end() == Cut((1,))


def test_events_whose_commit_did_not_arrive_are_refused_and_not_there(way: BreakingWay, log: SqlLog) -> None:
    way.break_at_commit("before")
    with pytest.raises(LogUnavailableError):
        log.append(anonymous(3))
    assert way.broken.is_set()
    assert log.end() == START
    assert log.append(anonymous(3)).position == Cut((3,))


def test_dead_letters_alone_whose_commit_was_written_unheard_are_kept_once(way: BreakingWay, log: SqlLog) -> None:
    way.break_at_commit("after")
    assert log.append(REFUSED).accepted == 0
    assert way.broken.is_set()
    assert DeadLetters(log.database).count("clicks") == 1


def test_dead_letters_alone_whose_commit_did_not_arrive_are_not_kept(way: BreakingWay, log: SqlLog) -> None:
    way.break_at_commit("before")
    with pytest.raises(LogUnavailableError):
        log.append(REFUSED)
    assert DeadLetters(log.database).count("clicks") == 0


def test_a_database_that_cannot_be_asked_leaves_it_open(way: BreakingWay) -> None:
    database = Database(way.url)
    way.break_at_commit("before", for_good=True)
    with pytest.raises(LogUnavailableError), database.write() as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(LogUnavailableError, match="whether that was written is not known"):
        was_committed(database, 0, Written(0, 1, [], None), patience_seconds=0.2)
    database.close()


def test_what_another_process_wrote_at_the_same_place_is_not_taken_for_ones_own(database: Database) -> None:
    log = SqlLog(database, clock=lambda: 8)
    log.append(anonymous(2))
    theirs = log.read(START)
    mine = Segment.of(0, 0, "clicks", 9, [9, 9], [None] * 2, [None] * 2, [b'{"number":0}'] * 2)
    behind = Segment.of(0, 2, "clicks", 8, [8], [None], [None], [b"{}"])
    assert was_committed(database, 0, Written(0, 2, theirs, None), 0)
    assert not was_committed(database, 0, Written(0, 2, [mine], None), 0)
    assert not was_committed(database, 0, Written(2, 3, [behind], None), 0)
    log.close()


@pytest.mark.parametrize("failure", [RuntimeError("no thread can be started"), MemoryError()])
def test_a_commit_that_raises_after_it_was_written_is_not_repeated(sqlite_url: str, failure: Exception) -> None:
    log = SqlLog(Database(sqlite_url))
    with log.database.write() as connection:  # while the writer waits for the lock, the others queue up
        connection.exec_driver_sql("UPDATE heads SET next = next")
        futures = [log.submit(anonymous(1)) for _ in range(4)]
        failures = [failure, failure]

        def written_and_raised(committing: Connection) -> None:
            if failures and committing is not connection:
                committing.connection.commit()
                raise failures.pop()

        event.listen(log.database.engine, "commit", written_and_raised)
    assert [future.result().accepted for future in futures] == [1] * 4
    assert len(records(read_all(log))) == 4
    log.close()
    log.database.close()
