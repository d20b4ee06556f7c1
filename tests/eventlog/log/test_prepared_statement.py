from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, text

from eventlog.errors import LogUnavailableError
from eventlog.log.prepared_statement import PreparedStatement
from eventlog.registry.database import Database
from eventlog.registry.tables import heads

add = PreparedStatement(insert(heads))
later = PreparedStatement(
    select(heads.c.partition, heads.c.next + 1).where(heads.c.next > bindparam("least")).order_by("next")
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/log.db")
    yield database
    database.close()


def row(number: int) -> dict[str, int]:
    return {"partition": number, "first": 0, "next": number * 10}


def test_a_statement_runs_once_or_many_times_with_values_by_name_and_constants(database: Database) -> None:
    with database.write() as connection:
        add.run(connection, row(3))
        add.run(connection, row(1), row(2))
        add.run(connection)
        assert later.rows(connection, {"least": 10}) == [(2, 21), (3, 31)]


def test_what_it_reads_stays_the_same_within_a_connection(database: Database) -> None:
    with database.read() as reading:
        assert later.rows(reading, {"least": 0}) == []
        with database.write() as writing:
            add.run(writing, row(1))
        assert later.rows(reading, {"least": 0}) == []
    with database.read() as reading:
        assert later.rows(reading, {"least": 0}) == [(1, 11)]


def test_a_database_that_cannot_answer_is_unavailable(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DROP TABLE heads"))
        with pytest.raises(LogUnavailableError, match="no such table"):
            later.rows(connection, {"least": 0})
