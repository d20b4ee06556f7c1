"""A commit whose answer does not arrive: written or not, each event is in the log once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event, select, text

from anabranch import Cut
from eventlog import Append
from eventlog.errors import LogUnavailableError
from eventlog.log.commit_outcome import CommitId, Commits, was_committed
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.leases import Leases
from eventlog.registry.tables import commits
from tests.contracts.log import START, anonymous, numbered, read_all, records
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


def test_a_lease_that_was_taken_unheard_is_had_and_one_that_was_not_can_be_taken(way: BreakingWay) -> None:
    database = Database(way.url)
    leases = Leases(database)
    way.break_at_commit("before")
    with pytest.raises(LogUnavailableError):
        leases.acquire("batch", "me", 60)
    way.break_at_commit("after")
    lease = leases.acquire("batch", "me", 60)
    assert way.broken.is_set()
    assert lease is not None
    assert leases.renew(lease, 60).token == lease.token == 1
    assert leases.acquire("batch", "another", 60) is None
    database.close()


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
        was_committed(database, 0, CommitId("me", 1, 1), patience_seconds=0.2)
    database.close()


def test_duplicates_alone_whose_commit_was_written_unheard_are_told_as_such(way: BreakingWay, log: SqlLog) -> None:
    log.append(numbered(3))
    way.break_at_commit("after")
    assert log.append(numbered(3)).duplicates == 3
    assert way.broken.is_set()


def test_only_the_newest_commit_of_its_writer_is_found(database: Database) -> None:
    log = SqlLog(database)
    log.append(anonymous(4))
    mine, theirs = Commits(database.dialect), Commits(database.dialect)
    with database.write() as connection:
        first = mine.note(connection, 4)
        other = theirs.note(connection, 4)
    assert was_committed(database, 0, first, 0)
    assert was_committed(database, 0, other, 0)
    with database.write() as connection:
        second = mine.note(connection, 9)
        connection.rollback()
    assert not was_committed(database, 0, second, 0)
    with database.write() as connection:
        third = mine.note(connection, 9)
    assert was_committed(database, 0, third, 0)
    assert not was_committed(database, 0, second, 0)
    assert was_committed(database, 0, other, 0)
    log.close()


def test_ids_of_commits_do_not_pile_up_and_go_with_the_hot_log(database: Database) -> None:
    for _ in range(3):
        log = SqlLog(database)
        for _ in range(3):
            log.append(anonymous(2))
        log.close()
    with database.read() as connection:
        assert connection.execute(select(commits.c.offset).order_by(commits.c.offset)).scalars().all() == [6, 12, 18]
    log.trim(Cut((18,)))
    with database.read() as connection:
        assert connection.execute(select(commits.c.offset)).scalars().all() == [18]


def test_what_was_dropped_from_the_hot_log_meanwhile_is_not_known(database: Database) -> None:
    log = SqlLog(database)
    log.append(anonymous(2))
    log.append(anonymous(2))
    log.trim(Cut((4,)))
    with pytest.raises(LogUnavailableError, match="not known"):
        was_committed(database, 0, CommitId("gone", 1, 2), 0)
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
