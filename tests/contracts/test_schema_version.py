"""The tables of a database: made anew, brought up to date from an earlier release, or refused."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from eventlog.errors import DatabaseVersionError
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.runs import Runs
from eventlog.registry.schema_version import CURRENT, EARLIER
from eventlog.registry.tables import metadata
from tests.contracts import old_tables
from tests.contracts.log import START, anonymous, records

ROOT = Path(__file__).parent.parent.parent
REPORT = {"duration": {"version": 4, "promoted": True}}
STAGES = [{"name": "archive", "done": 3, "total": 9, "seconds": 0.5}]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def old(url: str) -> str:
    """A database that a release without versions made, with something in every table."""
    engine = create_engine(url)
    with engine.begin() as connection:
        statements = old_tables.SQLITE if engine.dialect.name == "sqlite" else old_tables.POSTGRESQL
        for statement in statements:
            connection.execute(text(statement))
        for table, row in ROWS:
            names = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    engine.dispose()
    return url


def _run(name: str, stages: object) -> tuple[str, dict[str, Any]]:
    row = {
        "id": name,
        "status": "published",
        "full": False,
        "pid": 7,
        "started": int(name),
        "finished": 9,
        "cut": "0:2",
    }
    return "batch_runs", {
        **row,
        "generation": 1,
        "stage": None,
        "stages": json.dumps(stages),
        "events": 2,
        "error": None,
    }


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("heads", {"partition": 0, "first": 0, "next": 2}),
    (
        "segments",
        {
            "partition": 0,
            "offset": 0,
            "count": 2,
            "stream": "clicks",
            "appended": 5,
            "times": array("q", [1, 2]).tobytes(),
            "heads": b'[["a",null],["k",null]]',
            "data": b'[{"number":1},\n{"number":2}]',
        },
    ),
    ("ids", {"stream": "clicks", "id": "a", "offset": 0}),
    ("leases", {"name": "batch", "token": 3, "holder": None, "expires": 0}),
    ("schemas", {"stream": "clicks", "schema": "{}", "registered": 5}),
    ("dead_letters", {"stream": "clicks", "body": b"{", "errors": "[]", "received": 5, "retried": None}),
    _run("1", STAGES),
    _run("2", {"stages": STAGES, "report": REPORT}),
    _run("3", {"stages": STAGES}),
]


def assert_old_rows_are_there(url: str) -> None:
    database = Database(url)
    log = SqlLog(database)
    assert [(r.id, r.key, r.time, r.data) for r in records(log.read(START))] == [
        ("a", "k", 1, {"number": 1}),
        (None, None, 2, {"number": 2}),
    ]
    assert [(run.id, run.stages, run.report) for run in Runs(database).list()] == [
        ("3", STAGES, {}),
        ("2", STAGES, REPORT),
        ("1", STAGES, {}),
    ]
    assert [letter.body for letter in DeadLetters(database).list("clicks")] == [b"{"]
    assert log.append(anonymous(1)).position.offsets == (3,)
    log.close()
    database.close()


def test_a_database_of_a_release_without_versions_opens_with_all_it_has(old: str) -> None:
    assert_old_rows_are_there(old)
    again = Database(old)
    assert version(again) == CURRENT
    again.close()


def version(database: Database) -> object:
    with database.read() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def described(database: Database) -> dict[str, Any]:
    """Every table, as the database itself tells it."""
    found = inspect(database.engine)
    return {
        name: {
            "columns": [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            "key": found.get_pk_constraint(name)["constrained_columns"],
            # as text: the condition of a partial index is an object that equals only itself
            "indexes": [
                {**index, "dialect_options": {n: str(o) for n, o in index.get("dialect_options", {}).items()}}
                for index in found.get_indexes(name)
            ],
            "own": found.get_table_options(name) if database.dialect == "sqlite" else None,
        }
        for name in found.get_table_names()
    }


def test_a_database_that_was_brought_up_to_date_has_the_tables_of_a_new_one(url: str) -> None:
    new = Database(url)
    expected = described(new)
    with new.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with new.write() as connection:  # one table without a version remains: all steps are needed
        for name in metadata.tables.keys() - {"heads"}:
            connection.execute(text(f"DROP TABLE {name}"))
    new.close()
    grown = Database(url)
    assert described(grown) == expected
    assert version(grown) == CURRENT
    grown.close()


def test_the_steps_end_at_the_version_that_the_program_works_with() -> None:
    config = Config()
    config.set_main_option("script_location", "eventlog.registry:migrations")
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps == [CURRENT, *reversed(EARLIER)]


def test_a_database_of_a_later_release_is_refused_and_left_as_it_is(url: str) -> None:
    Database(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE leases ADD COLUMN more TEXT"))
    with pytest.raises(DatabaseVersionError, match=r"has version 9999, and this program knows 0\d+ at most: start"):
        Database(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    engine.dispose()


OPEN = "import sys; from eventlog.registry.database import Database; Database(sys.argv[1]).close()"
KILLED = (
    "import os; from sqlalchemy import Engine, event; event.listen(Engine, 'commit', lambda _: os._exit(9));" + OPEN
)


def opening(url: str, program: str = OPEN) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_processes_that_open_an_old_database_at_once_do_not_meet(old: str) -> None:
    processes = [opening(old) for _ in range(4)]
    assert [process.communicate() and process.returncode for process in processes] == [0] * 4
    assert_old_rows_are_there(old)


def test_a_process_that_is_killed_before_the_change_is_durable_leaves_it_to_the_next(old: str) -> None:
    killed = opening(old, KILLED)
    killed.communicate()
    assert killed.returncode == 9
    engine = create_engine(old)
    assert not inspect(engine).has_table("alembic_version")
    engine.dispose()
    assert_old_rows_are_there(old)


@pytest.mark.parametrize("made", [lambda url: None, lambda url: Database(url).close()], ids=["new", "current"])
def test_a_database_that_is_new_or_current_is_opened_without_alembic(
    sqlite_url: str, made: Callable[[str], None]
) -> None:
    made(sqlite_url)
    process = opening(sqlite_url, OPEN + "; print('alembic' in sys.modules)")
    assert process.communicate()[0] == "False\n"


def test_a_postgresql_database_of_another_encoding_is_refused_in_one_sentence(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    other = engine.url.set(database="latin")
    with engine.connect() as connection:
        connection.execute(
            text("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
        try:
            with pytest.raises(ValueError, match="encoding of the database is LATIN1, which cannot keep every text"):
                Database(other.render_as_string(hide_password=False))
        finally:
            connection.execute(text("DROP DATABASE latin WITH (FORCE)"))
    engine.dispose()
