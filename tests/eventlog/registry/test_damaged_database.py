"""A database that holds what nobody wrote is told as that, and not as one that is away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from anabranch import App
from eventlog.errors import DatabaseDamagedError
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.runs import Runs
from eventlog.registry.schemas import Schemas
from tests.contracts.log import START, anonymous


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with some records, all in one file."""
    path = tmp_path / "log.db"
    database = Database(f"sqlite:///{path}")
    log = SqlLog(database)
    for _ in range(50):
        log.append(anonymous(100))
    Runs(database).start("run", full=False, pid=7)
    with database.write() as connection:
        connection.execute(text("INSERT INTO schemas VALUES ('rides', '{}', 0)"))
    log.close()
    database.close()
    return path


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be one" * 400)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_tables(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        connection.execute(text("DROP TABLE segments"))
    database.close()


def read_all_of(path: Path) -> None:
    with closing(Database(f"sqlite:///{path}")) as database, closing(SqlLog(database)) as log:
        log.read(START)
        database.check()


@pytest.mark.parametrize("damage", [no_database, torn, no_tables])
def test_a_damaged_file_is_named_as_such_with_what_to_do(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    with pytest.raises(DatabaseDamagedError, match=r"its database is damaged: .*put the newest backup in its place$"):
        read_all_of(path)


def test_the_check_looks_at_every_page(path: Path) -> None:
    whole = Database(f"sqlite:///{path}")
    whole.check()
    whole.close()
    content = bytearray(path.read_bytes())
    page = content.index(b"running")
    content[page - page % 8192 + 3] ^= 0xFF  # the number of cells of the page that holds the run
    path.write_bytes(content)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseDamagedError):
        database.check()
    database.close()


@pytest.mark.parametrize(
    ("table", "column", "read"),
    [
        ("batch_runs", "stages", lambda database: Runs(database).list()),
        ("batch_runs", "problems", lambda database: Runs(database).get("run")),
        ("schemas", "schema", lambda database: Schemas(database).register(App("any"), SqlLog(database))),
    ],
)
def test_a_text_that_is_no_json_any_more_is_damage(
    path: Path, table: str, column: str, read: Callable[[Database], object]
) -> None:
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = '[{{'"))
    with pytest.raises(DatabaseDamagedError, match="a text in it is no JSON"):
        read(database)
    database.close()


@pytest.mark.parametrize(
    "change",
    [
        "data = CAST(replace(CAST(data AS TEXT), '0', '1') AS BLOB)",
        "times = zeroblob(length(times))",
        "heads = CAST(replace(CAST(heads AS TEXT), 'null', '\"id\"') AS BLOB)",
        "stream = 'cracks'",
        "appended = appended + 1",
    ],
)
def test_a_segment_that_is_not_what_was_stored_is_never_handed_out(path: Path, change: str) -> None:
    with closing(Database(f"sqlite:///{path}")) as database, closing(SqlLog(database)) as log:
        assert sum(found.count for found in log.read(START)) == 5_000
        with database.write() as connection:
            connection.execute(text(f"UPDATE segments SET {change} WHERE offset = 300"))
        database.check()  # to SQLite it is as good as any
        with pytest.raises(DatabaseDamagedError, match="the records from 0:300 on are not those that were stored"):
            log.read(START)


def test_a_segment_of_an_earlier_release_has_no_checksum_and_is_believed(path: Path) -> None:
    with closing(Database(f"sqlite:///{path}")) as database, closing(SqlLog(database)) as log:
        with database.write() as connection:
            connection.execute(text("UPDATE segments SET checksum = NULL"))
        assert sum(found.count for found in log.read(START)) == 5_000
