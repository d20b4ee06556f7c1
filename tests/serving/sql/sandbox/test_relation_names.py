"""Which names stand for something that a statement may read."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest

from serving.sql.errors import SqlFailedError, SqlRefusedError
from serving.sql.sandbox.relation_names import SYSTEM_RELATIONS, RelationNames, own_views

NAMES = RelationNames("snapshot-1", {"events_rides", "view_hourly"}, own_views())


@pytest.mark.parametrize(
    "path",
    [
        ["events_rides"],
        ["main", "events_rides"],
        ["snapshot-1", "events_rides"],
        ["snapshot-1", "main", "view_hourly"],
        ["mine"],
        ["recurring", "mine"],
        ["tables"],
        ["information_schema", "tables"],
        ["system", "information_schema", "tables"],
        ["pg_class"],
        ["duckdb_columns"],
    ],
)
def test_relations_the_statement_s_own_queries_and_what_tells_of_relations_may_be_read(path: Sequence[str]) -> None:
    NAMES.check(path, {"mine", "tables"})


@pytest.mark.parametrize(
    "path",
    [["pg_settings"], ["pg_catalog", "pg_settings"], ["system", "main", "duckdb_databases"], ["pragma_database_list"]],
)
@pytest.mark.parametrize("queries", [set(), {"pg_settings", "duckdb_databases", "pragma_database_list"}])
def test_what_duckdb_tells_of_itself_may_not_whatever_queries_are_called(
    path: Sequence[str], queries: set[str]
) -> None:
    with pytest.raises(SqlRefusedError) as caught:
        NAMES.check(path, queries)
    assert caught.value.reason == "relation"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        (["event_rides"], "did you mean events_rides?"),
        (["/etc/passwd"], "SHOW TABLES lists them"),
        (["temp", "events_rides"], "did you mean events_rides?"),
        (["a", "b", "c", "events_rides"], "did you mean"),
        (["recurring", "events_rides"], "did you mean events_rides?"),
    ],
)
def test_a_name_of_nothing_fails_with_what_may_be_meant(path: Sequence[str], advice: str) -> None:
    with pytest.raises(SqlFailedError, match=r"There is no relation") as caught:
        NAMES.check(path, {"mine"})
    assert advice.partition("?")[0] in str(caught.value)


def test_every_system_relation_that_may_be_read_is_there() -> None:
    with duckdb.connect() as connection:
        for schema, names in SYSTEM_RELATIONS.items():
            for name in names:
                connection.execute(f"FROM system.{schema}.{name} LIMIT 0").fetchall()
