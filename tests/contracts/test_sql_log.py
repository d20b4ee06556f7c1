from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event

from anabranch import SYSTEM, Cut
from eventlog import Append, Log, Record, Segment
from eventlog.errors import LogUnavailableError
from eventlog.lake import Lake
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.leases import Leases
from eventlog.registry.letter_keeping import RefusedEvent
from tests.contracts.log import NOW, START, LogContract, Open, numbered, read_all, records

ROOT = Path(__file__).parent.parent.parent


class Writer:
    """A process that appends (see `writer`)."""

    def __init__(self, url: str, name: str, appends: int):
        command = [sys.executable, "-m", "tests.contracts.writer", url, name, str(appends)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._read() == "ready\n"

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def acknowledged(self) -> tuple[int, int]:
        """(number of the append, position) of the next append that the process knows to be durable."""
        number, position = self._read().split()
        return int(number), int(position)

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


class Forgetful(SqlLog):
    """Reads only what the database holds, as another process does."""

    def read(self, cut: Cut, limit: int = 10_000) -> list[Segment]:
        self._recent.clear()
        return super().read(cut, limit)


class SqlLogContract(LogContract):
    """What a log in a database must do besides: survive, and share with other processes."""

    kind: type[SqlLog] = SqlLog

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def leases(self, url: str) -> Iterator[Leases]:
        database = Database(url)
        yield Leases(database)
        database.close()

    @pytest.fixture
    def open_log(self, url: str) -> Iterator[Open]:
        opened: list[SqlLog] = []

        def open_(lake: Lake | None = None) -> SqlLog:
            opened.append(self.kind(Database(url), lake, lambda: NOW))
            return opened[-1]

        yield open_
        for log in opened:
            log.close()
            log.database.close()

    def refused(self, log: Log) -> list[tuple[str, RefusedEvent]]:
        assert isinstance(log, SqlLog)
        letters = DeadLetters(log.database)
        found = [letter for stream in ("clicks", "views") for letter in letters.list(stream)]
        return [(letter.stream, (letter.body, letter.errors)) for letter in found]

    def test_whoever_opens_a_new_log_at_once_finds_the_same_id(self, url: str) -> None:
        Database(url).close()
        databases = [Database(url) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            logs = list(pool.map(SqlLog, databases))
        assert len({log.id for log in logs}) == 1
        for log in logs:
            log.close()
            log.database.close()

    def test_a_log_of_an_earlier_release_gets_its_id_when_it_is_opened(self, open_log: Open) -> None:
        log = open_log()
        assert isinstance(log, SqlLog)
        log.append(numbered(3))
        with log.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM log_identity")
        again = open_log()
        assert again.id != log.id
        assert (again.id, again.end()) == (open_log().id, Cut((3,)))

    def test_what_was_appended_is_there_after_opening_it_again(self, open_log: Open) -> None:
        first = open_log()
        first.append(numbered(5))
        first.mark({"kind": "batch_started"})
        first.trim(Cut((2,)))
        before = read_all(first)
        first.close()
        again = open_log()
        assert (again.begin(), again.end()) == (START, Cut((6,)))
        assert records(read_all(again)) == records(before)
        assert again.append(numbered(6)).duplicates == 5

    def test_more_of_the_system_s_segments_than_are_held_at_a_time_are_all_read(self, open_log: Open) -> None:
        log = open_log()
        offsets = [log.mark({"number": number}) for number in range(300)]
        assert [record.offset for record in records(log.read_system())] == offsets

    def test_two_processes_write_and_a_reader_never_sees_a_gap_or_a_step_back(self, open_log: Open, url: str) -> None:
        log = open_log()
        writers = [Writer(url, name, 60) for name in ("a", "b")]
        for writer in writers:
            writer.start()
        seen: list[Record] = []
        own = 0
        while len(seen) < 2 * 120 + own:
            assert log.wait(Cut((len(seen),)), 30), "the writers stopped"
            if own < 20:
                own += log.append(numbered(1, own, prefix="reader")).accepted
            seen += records(log.read(Cut((len(seen),)), 7))
        assert [writer.end() for writer in writers] == [0, 0]
        assert [record.offset for record in seen] == list(range(len(seen)))
        for name in ("a", "b"):
            places = [(r.data["number"], r.data["place"]) for r in seen if r.key == name]
            assert places == [(number, place) for number in range(60) for place in range(number % 3 + 1)]

    def test_what_was_acknowledged_survives_the_death_of_its_process(self, open_log: Open, url: str) -> None:
        writer = Writer(url, "a", 0)
        writer.start()
        acknowledged = [writer.acknowledged() for _ in range(50)]
        writer.kill()
        log = open_log()
        found = records(read_all(log))
        assert [record.offset for record in found] == list(range(len(found)))
        offset_by_id = {record.id: record.offset for record in found}
        for number, position in acknowledged:
            assert offset_by_id[f"a-{number}-{number % 3}"] + 1 == position
        assert log.append(numbered(1)).position == Cut((len(found) + 1,))

    def test_a_bad_append_harms_no_other_that_shares_its_commit(self, open_log: Open) -> None:
        log = open_log()
        assert isinstance(log, SqlLog)
        lone_surrogate = Append("clicks", [None], ["\ud800"], [None], [b"{}"])
        with log.database.write() as connection:  # while the writer waits for the lock, the others queue up
            connection.exec_driver_sql("UPDATE heads SET next = next")
            futures = [log.submit(append) for append in (numbered(1), numbered(2, 1), lone_surrogate, numbered(3, 3))]
        assert [futures[index].result().accepted for index in (0, 1, 3)] == [1, 2, 3]
        with pytest.raises(TypeError):
            futures[2].result()
        assert [record.offset for record in records(read_all(log))] == list(range(6))

    def test_a_reader_without_the_writers_help_sees_what_it_appended(self, open_log: Open) -> None:
        writing, reading = open_log(), open_log()
        started = Event()

        def write() -> None:
            started.wait()
            writing.append(numbered(3))

        thread = Thread(target=write)
        thread.start()
        started.set()
        assert reading.wait(START, 30)
        thread.join()
        assert len(records(reading.read(START))) == 3

    def test_large_events_are_read_a_few_at_a_time(self, open_log: Open) -> None:
        log = open_log()
        large = b'{"text":"%b"}' % (b"x" * 2**20)
        for _ in range(12):
            log.append(Append("texts", [None] * 4, [None] * 4, [None] * 4, [large] * 4))
        assert sum(segment.count for segment in log.read(START)) < 48
        assert [offset for found in read_all(log) for offset in range(found.offset, found.end)] == list(range(48))


class TestSqlite(SqlLogContract):
    @pytest.fixture
    def url(self, sqlite_url: str) -> str:
        return sqlite_url

    def test_a_full_disk_writes_nothing_and_is_over_when_there_is_room(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        log = SqlLog(database)
        log.append(numbered(10))
        database.engine.dispose()
        pages = {"max": 40}
        event.listen(
            database.engine,
            "checkout",
            lambda connection, *_: connection.execute(f"PRAGMA max_page_count={pages['max']}"),
        )
        large = Append("texts", ["t"], [None], [None], [b'{"text":"%b"}' % (b"x" * 2**20)])
        with pytest.raises(LogUnavailableError, match="full"):
            log.append(large)
        assert log.end() == Cut((10,))
        assert log.append(numbered(1, 10)).position == Cut((11,))
        pages["max"] = 100_000
        assert log.append(large).accepted == 1
        log.close()
        database.close()

    def test_a_locked_database_is_unavailable_and_then_goes_on(self, sqlite_url: str) -> None:
        database, other = Database(sqlite_url), Database(sqlite_url)
        log = SqlLog(database)
        database.engine.dispose()
        event.listen(database.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=20"))
        with other.write():
            futures = [log.submit(numbered(1, number)) for number in range(5)]
            for future in futures:
                with pytest.raises(LogUnavailableError, match="locked"):
                    future.result()
            assert log.end() == START
        assert log.append(numbered(5)).accepted == 5
        log.close()
        database.close()
        other.close()

    def test_the_system_s_records_are_found_by_an_index_of_their_own(self, sqlite_url: str) -> None:
        database = Database(sqlite_url)
        log = SqlLog(database)
        asked: list[tuple[str, Any]] = []
        event.listen(database.engine, "before_cursor_execute", lambda *facts: asked.append((facts[2], facts[3])))
        log.mark({"number": 0})
        assert len(list(log.read_system())) == 1
        statement, values = next(found for found in asked if found[0].startswith("SELECT") and SYSTEM in found[0])
        with database.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        assert "segments_of_system" in str(plan)
        log.close()
        database.close()


class TestPostgresql(SqlLogContract):
    @pytest.fixture
    def url(self, postgresql_url: str) -> str:
        return postgresql_url


class TestSqliteFromOutside(TestSqlite):
    kind = Forgetful


class TestPostgresqlFromOutside(TestPostgresql):
    kind = Forgetful
