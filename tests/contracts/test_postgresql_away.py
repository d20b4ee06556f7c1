"""PostgreSQL restarts, fails over or ends connections: everybody meets one error, and goes on once it is back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest
from pydantic import BaseModel
from sqlalchemy import text

from anabranch import App, Cut
from eventlog import Append
from eventlog.counting.append_rates import AppendRates
from eventlog.counting.event_counts import EventCounts
from eventlog.errors import LogUnavailableError
from eventlog.lake import Lake
from eventlog.log.event_finder import EventFinder
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.leases import Lease, Leases
from eventlog.registry.runs import Runs
from eventlog.registry.schemas import Schemas
from tests.contracts.log import START, anonymous, read_all, records
from tests.contracts.test_sql_log import Forgetful
from tests.databases import PostgresqlServer


class Visit(BaseModel):
    page: str


@pytest.fixture
def log(postgresql_url: str, tmp_path: Path) -> Iterator[SqlLog]:
    log = Forgetful(Database(postgresql_url), Lake(tmp_path / "lake"))
    yield log
    log.close()
    log.database.close()


def calls(log: SqlLog, lake: Lake) -> dict[str, Callable[[], object]]:
    """Everything that asks the database, as the threads of a service do it; it can be repeated."""
    database = log.database
    leases, runs, letters = Leases(database), Runs(database), DeadLetters(database)
    counts, rates = EventCounts(database, lake), AppendRates(database, log.clock)
    app = App("visits")
    app.stream("visits", Visit)
    run = runs.start("r1", full=False, pid=None)
    return {
        "append": lambda: log.append(anonymous(1)),
        "mark": lambda: log.mark({"kind": "batch_started"}),
        "end": log.end,
        "begin": log.begin,
        "read": lambda: log.read(START),
        "wait": lambda: log.wait(Cut((10**9,)), 0.01),
        "trim": lambda: log.trim(START),
        "find": lambda: EventFinder(database, log, lake).find("clicks", "nothing"),
        "acquire": lambda: leases.acquire("batch", "me", 60),
        "renew": lambda: leases.renew(Lease("held", 1, "me"), 60),
        "release": lambda: leases.release(Lease("held", 2, "me")),
        "runs": runs.list,
        "run": lambda: runs.get("r1"),
        "progress of a run": lambda: runs.update(run),
        "dead letters": lambda: letters.list("clicks"),
        "dead letters, counted": lambda: letters.count("clicks"),
        "dead letters, added": lambda: letters.add("clicks", [(b"{", [])]),
        "schemas": lambda: Schemas(database).register(app, log),
        "counts": counts.by_stream,
        "rates": rates.by_bucket,
        "opening": lambda: Database(database.engine.url.render_as_string(hide_password=False)).close(),
    }


def raised_by(call: Callable[[], object]) -> type[Exception] | None:
    try:
        call()
    except Exception as error:
        return type(error)
    return None


def test_every_call_raises_one_error_while_the_server_is_away_and_works_again_once_it_is_back(
    postgresql: PostgresqlServer, log: SqlLog, tmp_path: Path
) -> None:
    every = calls(log, Lake(tmp_path / "lake"))
    assert Leases(log.database).acquire("held", "me", 60) is not None
    for call in every.values():
        call()
    postgresql.stop()
    try:
        for name, call in every.items():
            assert raised_by(call) is LogUnavailableError, name
    finally:
        postgresql.start()
    for call in every.values():
        call()


def test_a_log_that_was_idle_while_the_server_restarted_takes_the_next_append(
    postgresql: PostgresqlServer, log: SqlLog
) -> None:
    log.append(anonymous(2))
    postgresql.restart()
    assert log.append(anonymous(1)).position == Cut((3,))
    assert not log.wait(Cut((3,)), 0.01)


def test_while_the_server_restarts_under_writers_every_answer_is_true(
    postgresql: PostgresqlServer, log: SqlLog
) -> None:
    """Events have no ids: nothing but the answers tells which are there."""
    there, open_, begun, enough = list[int](), list[int](), Event(), Event()

    def write(writer: int) -> None:
        number = writer
        while not enough.is_set():
            try:
                log.append(Append("clicks", [None], [None], [None], [orjson.dumps({"number": number})]))
                there.append(number)
                begun.set()
            except LogUnavailableError as error:
                if "not known" in error.problem:
                    open_.append(number)
            number += 4

    writers = [Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(2):
        begun.clear()
        assert begun.wait(30)
        postgresql.restart()
    begun.clear()
    assert begun.wait(30), "nobody can write after the restart"
    enough.set()
    for writer in writers:
        writer.join()
    counts = Counter(record.data["number"] for record in records(read_all(log)))
    assert set(counts.values()) == {1}
    assert set(there) <= set(counts) <= set(there) | set(open_)


def test_a_server_that_only_reads_yet_is_unavailable_to_writers_and_not_to_readers(log: SqlLog) -> None:
    log.append(anonymous(2))
    name = log.database.engine.url.database
    setting = "default_transaction_read_only"
    with log.database.write() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET {setting} = on"))
    log.database.engine.dispose()  # connections that are made from now on
    try:
        with pytest.raises(LogUnavailableError, match="read-only"):
            log.append(anonymous(1))
        with pytest.raises(LogUnavailableError, match="read-only"):
            Leases(log.database).acquire("batch", "me", 60)
        assert log.end() == Cut((2,))
    finally:
        with log.database.read() as connection:
            connection.execute(text("SET transaction_read_only = off"))
            connection.execute(text(f"ALTER DATABASE {name} RESET {setting}"))
            connection.commit()
        log.database.engine.dispose()
    assert log.append(anonymous(1)).position == Cut((3,))


def test_connections_that_an_administrator_ends_are_replaced(log: SqlLog, postgresql_url: str) -> None:
    log.append(anonymous(1))
    administrator = Database(postgresql_url)
    with administrator.read() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) {others}")).scalars().all()
    administrator.close()
    assert log.append(anonymous(1)).position == Cut((2,))
    assert log.end() == Cut((2,))
