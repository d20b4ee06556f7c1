from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from eventlog.errors import LogUnavailableError
from eventlog.registry.database import Database
from eventlog.registry.tables import heads, metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/log.db"


def test_a_database_makes_its_directory_and_every_table(url: str) -> None:
    database = Database(url)
    assert set(inspect(database.engine).get_table_names()) == set(metadata.tables)
    database.close()


def test_sqlite_keeps_a_commit_through_a_power_cut(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
    database.close()


def test_many_can_open_a_new_database_at_once(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        for database in pool.map(lambda _: Database(url), range(8)):
            database.close()


def test_a_write_that_raises_leaves_nothing(url: str) -> None:
    database = Database(url)

    def write_twice() -> None:
        with database.write() as connection:
            for _ in range(2):
                connection.execute(insert(heads).values(partition=0, first=0, next=0))

    with pytest.raises(IntegrityError):
        write_twice()
    with database.read() as connection:
        assert connection.execute(select(heads)).all() == []
    database.close()


def test_a_row_that_is_there_is_left_alone(url: str) -> None:
    database = Database(url)
    with database.write() as connection:
        database.insert_if_absent(connection, heads, partition=0, first=0, next=5)
        database.insert_if_absent(connection, heads, partition=0, first=0, next=9)
        assert connection.execute(select(heads.c.next)).scalar_one() == 5
    database.close()


@pytest.mark.parametrize("other", ["mysql://u:secret@host/x", "secret", "", "oracle://h/x"])
def test_a_url_of_another_kind_is_refused(other: str) -> None:
    with pytest.raises(ValueError, match="write sqlite:///path or postgresql") as caught:
        Database(other)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "log.db").mkdir()
    with pytest.raises(LogUnavailableError, match="unable to open"):
        Database(f"sqlite:///{tmp_path}/log.db")
