"""Which of DuckDB's functions may be called."""

from __future__ import annotations

import re

import duckdb
import orjson

from serving.sql.sandbox.functions import refused_functions


def test_what_knows_of_the_session_or_does_something_is_refused_unless_it_is_named() -> None:
    refused = refused_functions()
    assert {"current_setting", "getvariable", "nextval", "write_log", "sleep_ms", "json_serialize_plan"} <= refused
    assert not {"now", "sum", "abs", "json_extract", "list_transform", "+", "time_bucket", "random"} & refused


def test_no_macro_that_may_be_called_calls_what_may_not() -> None:
    with duckdb.connect() as connection:
        macros = connection.execute(
            "SELECT DISTINCT function_name, 'SELECT ' || macro_definition FROM duckdb_functions()"
            " WHERE internal AND function_type = 'macro'"
        ).fetchall()
        for name, definition in macros:
            ((tree,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [definition]).fetchall()
            assert not orjson.loads(tree)["error"], name
            called = {found.lower() for found in re.findall(r'"function_name":"((?:[^"\\]|\\.)*)"', tree)}
            assert name in refused_functions() or not called & refused_functions(), name
