"""What a stranger may find out, leave behind and break by ``POST /v1/sql``: nothing.

Statements that read files, write or change settings are in `tests.end_to_end.test_sql_sandbox`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import APPLICATION, ride
from tests.end_to_end.hostile_statements import FILES, GREEDY, HIDDEN, SETTINGS, TELLING, WRITES
from tests.service import Service

EVERYTHING = (
    "SELECT (SELECT count(*) FROM events_rides), (SELECT sum(n)::BIGINT FROM view_hourly),"
    " (SELECT sum(n)::BIGINT FROM view_hourly_at(1)), TIMESTAMPTZ '2024-01-01 00:00:00Z'::VARCHAR"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    limits = {"ANABRANCH_SQL_MEMORY": "150000000", "ANABRANCH_SQL_TIMEOUT": "10s"}
    service = Service(APPLICATION, tmp_path_factory.mktemp("sql") / "home", **limits)
    service.start()
    service.post("rides", [ride(n) for n in range(500)])
    assert service.batch().wait(300) == 0
    yield service
    service.close()


def post(service: Service, sql: str, accept: str = "application/json", **more: Any) -> httpx.Response:
    headers = {"Accept": accept, "Content-Type": "application/json"}
    return service.client.post("/v1/sql", content=json.dumps({"sql": sql, **more}), headers=headers)


def check_as_ever(service: Service) -> None:
    """One statement sees what every statement sees."""
    answer = post(service, EVERYTHING)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] == [[500, 500, 500, "2024-01-01 00:00:00+00"]]


def test_there_are_more_than_two_hundred_hostile_statements() -> None:
    assert len({*FILES, *WRITES, *SETTINGS, *TELLING, *HIDDEN, *GREEDY}) > 200


# what statements tell


@pytest.mark.parametrize("sql", TELLING)
def test_no_statement_tells_settings_paths_or_databases(service: Service, sql: str) -> None:
    answer = post(service, sql)
    assert answer.status_code == 403, answer.text
    assert answer.json()["reason"] in ("statement", "function", "relation")


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN ANALYZE SELECT max(bikes + 1) FROM events_rides",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT max(bikes + 1) FROM events_rides",
        "EXPLAIN (ANALYZE, FORMAT yaml) FROM view_hourly",
        "EXPLAIN (ANALYZE, FORMAT graphviz) FROM view_hourly",
        "EXPLAIN (ANALYZE, FORMAT mermaid) FROM view_hourly",
        "EXPLAIN SELECT max(bikes + 1) FROM events_rides",
        "FROM duckdb_views()",
        "FROM duckdb_tables()",
        "FROM duckdb_schemas()",
        "FROM sqlite_master",
        "FROM information_schema.views",
        "FROM information_schema.schemata",
        "FROM pg_catalog.pg_views",
        "SHOW ALL TABLES",
        "SELECT current_database(), current_schemas(true), version()",
        "FROM pragma_version()",
        "SELECT bikes + 'x' FROM events_rides",
        "SELECT filename FROM events_rides",
        "SELECT file_row_number FROM view_hourly",
        "FROM sources.events_rides()",
        "SELECT error(_data) FROM events_rides",
        "FROM view_hourly_at(7)",
        "FROM view_hourly AT (VERSION => 1)",
    ],
)
def test_no_answer_holds_a_path(service: Service, sql: str) -> None:
    answer = post(service, sql)
    assert answer.status_code in (200, 422), answer.text
    assert str(service.home) not in answer.text
    assert str(service.home.parent) not in answer.text.replace(" │\\n│ ", " ")


# what statements leave behind


@pytest.mark.parametrize("sql", HIDDEN)
def test_no_statement_leaves_anything_for_the_next(service: Service, sql: str) -> None:
    data = next((service.home / "lake" / "rides").glob("*.parquet"))
    answer = post(service, sql.replace("{file}", str(data)))
    assert answer.status_code in (403, 422), answer.text
    check_as_ever(service)


# what statements break


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT reservoir_quantile(bikes, 0.5, 1000000000) FROM events_rides",
        "SELECT reservoir_quantile(range, [0.5], 2000000000) FROM range(10)",
        "SELECT approx_top_k(bikes, 1000000000) FROM events_rides",
        "SELECT quantile_cont(bikes, 0.5) OVER (ROWS BETWEEN 9223372036854775807 PRECEDING AND 1 FOLLOWING)"
        " FROM events_rides",
        "SELECT list_resize([1], 9223372036854775807)",
        "SELECT bikes FROM events_rides LIMIT 9223372036854775807 OFFSET 9223372036854775807",
        "SELECT range(0, 9223372036854775807, 1)",
        "SELECT repeat_row.* FROM repeat_row(1, num_rows = 9223372036854775807) LIMIT 1",
        "SELECT TIMESTAMP '294247-01-01' + INTERVAL '1 year'",
        "SELECT histogram(bikes, [NULL]) FROM events_rides",
        "SELECT * FROM histogram_values(events_rides, bikes, bin_count := 2147483647)",
        "SELECT array_slice([1, 2], -9223372036854775808, 9223372036854775807)",
        "SELECT format('{:>2000000000}', 1)",
        "SELECT printf('%2000000000d', 1)",
        "SELECT map_from_entries([('a', 1), ('a', 2)])",
        'SELECT from_json(\'{"a": 1}\', \'{"a": "NOTHING"}\')',
        "SELECT json_transform('{}', repeat('[', 5000))",
        "SELECT regexp_replace(repeat('a', 1000), '(a*)*b', 'c')",
        "SELECT strptime('x', repeat('%Y', 1000))",
        "SELECT time_bucket(INTERVAL '-1 day', TIMESTAMP '2024-01-01')",
    ],
)
def test_a_statement_that_breaks_duckdb_breaks_nothing_else(service: Service, sql: str) -> None:
    answer = post(service, sql)
    assert answer.status_code in (200, 422, 504), answer.text
    for trace in ("Stack Trace", "Traceback", "0x0", ".so", ".py"):
        assert trace not in answer.text
    check_as_ever(service)


@pytest.mark.parametrize(
    ("sql", "more"),
    [
        ("SELECT " + "+".join(["1"] * 5_000), {}),
        ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, {}),
        ("SELECT " + "[" * 3_000 + "]" * 3_000, {}),
        ("SELECT " + "-" * 5_001 + "1", {}),
        ("SELECT " + "NOT " * 3_000 + "true", {}),
        ("SELECT 1" + " UNION ALL SELECT 1" * 300, {}),
        ("SELECT * FROM (" * 1_000 + "SELECT 1" + ")" * 1_000, {}),
        ("SELECT ?", {}),
        ("SELECT 1", {"params": [1]}),
        ("SELECT $a", {"params": [1]}),
        ("SELECT ?, ?", {"params": {"a": 1}}),
        ("SELECT $a, $1", {"params": {"a": 1}}),
        ("SELECT ?::INTEGER", {"params": [10**400]}),
        ("SELECT ?::INTEGER", {"params": [{"a": [1, "x", None]}]}),
        ("SELECT ?::INTEGER[]", {"params": [[[[[]]]]]}),
        ("SELECT ?::DATE", {"params": ["infinitely"]}),
        ("SELECT ?", {"params": [{"": 1}]}),
        ("SELECT $a::DATE", {"params": {"a": "x", "b": 1}}),
        ("SELECT decode('\\xff'::BLOB)", {}),
        ("SELECT 'x'::TIMESTAMPTZ", {}),
        ("SELECT TIMESTAMP '2024-01-01' + INTERVAL '9223372036854775807 days'", {}),
        ("SELECT 9223372036854775807 + 1", {}),
        ("SELECT DATE '290000-01-01' + 2147483647", {}),
        ("SELECT 1 AT TIME ZONE 'Nowhere/Land'", {}),
        ("SELECT now() AT TIME ZONE 'Nowhere/Land'", {}),
        ("SELECT 'a' COLLATE nothing", {}),
        ("SELECT (SELECT bikes FROM events_rides)", {}),
        ("SELECT sum(sum(bikes)) FROM events_rides", {}),
        ("SELECT unnest(1)", {}),
        ("SELECT COLUMNS('nothing') FROM events_rides", {}),
        ("FROM view_hourly_at('x')", {}),
        ("FROM view_hourly_at()", {}),
        ("FROM range('x')", {}),
        ("\x00", {}),
        ("SELECT \x00", {}),
        ("SELECT '\ud800'", {}),
    ],
    ids=lambda value: str(value)[:50].encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("accept", ["application/json", "application/vnd.apache.parquet"])
def test_what_is_wrong_with_a_statement_is_the_statement_s_fault(
    service: Service, sql: str, more: dict[str, Any], accept: str
) -> None:
    answer = post(service, sql, accept, **more)
    assert answer.status_code in (200, 403, 422), answer.text
    if answer.status_code != 200:
        assert answer.json()["detail"]
        assert "Traceback" not in answer.text
    check_as_ever(service)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("INTERVAL '12345.678901 seconds'", "P0M0DT12345.678901S"),
        ("INTERVAL '1000000 seconds'", "P0M0DT1000000S"),
        ("INTERVAL '-1 month 3 days -1 microsecond'", "P-1M3DT-0.000001S"),
        ("[INTERVAL '90 minutes 0.5 seconds']", ["P0M0DT5400.5S"]),
        ("to_microseconds(9223372036854775807)", None),
        ("to_seconds(10000000000)", None),
        ("[to_seconds(10000000000)]", None),
        ("'infinity'::TIMESTAMPTZ", "infinity"),
        ("'-infinity'::TIMESTAMP", "-infinity"),
        ("'infinity'::DATE", "infinity"),
        ("'infinity'::TIMESTAMP_S", "infinity"),
        ("['-infinity'::DATE]", ["-infinity"]),
        ("{'t': 'infinity'::TIMESTAMP}", {"t": "infinity"}),
        ("TIMESTAMPTZ '10000-01-01 00:00:00Z'", None),
        ("TIMESTAMP '0044-03-15 (BC) 10:00:00'", None),
        ("[DATE '12024-01-01']", None),
        ("TIME '24:00:00'", "24:00:00"),
        ("[TIME '24:00:00']", ["24:00:00"]),
        ("TIMETZ '10:00:00+02'", None),
        ("340282366920938463463374607431768211455::UHUGEINT", None),
    ],
)
def test_a_value_is_told_as_it_is_or_refused(service: Service, expression: str, told: Any) -> None:
    answer = post(service, f"SELECT {expression} AS x")
    if told is None:
        assert answer.status_code == 422, answer.text
        assert "VARCHAR" in answer.json()["detail"]
        assert post(service, f"SELECT ({expression})::VARCHAR AS x").status_code == 200
    else:
        assert answer.json()["rows"] == [[told]]


@pytest.mark.parametrize("accept", ["application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"])
@pytest.mark.parametrize(
    "expression",
    [
        "'infinity'::TIMESTAMPTZ",
        "['-infinity'::DATE]",
        "{'a': MAP {'k': 'infinity'::TIMESTAMP}}",
        "TIME '24:00:00'",
        "TIMETZ '10:00:00+02'",
        "to_microseconds(9223372036854775807)",
        "340282366920938463463374607431768211455::UHUGEINT",
    ],
)
def test_what_arrow_cannot_tell_is_refused_there(service: Service, expression: str, accept: str) -> None:
    answer = post(service, f"SELECT {expression} AS x", accept)
    assert answer.status_code == 422, answer.text
    assert "VARCHAR" in answer.json()["detail"]
