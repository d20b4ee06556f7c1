"""The functions that a statement may call: what DuckDB says of its own, less a few; and the macros of a snapshot.

A function that only computes is `CONSISTENT` in DuckDB's catalog: its value follows from its arguments. The others know
something of the session or do something, so that each is named here before it may be called; what the next version adds
is refused until somebody has looked at it.
"""

from __future__ import annotations

from functools import cache

import duckdb

TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "json_each",
        "json_tree",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "unnest",
    }
)
"""Functions that can stand where a table does."""
FUNCTIONS_OF_RELATIONS = frozenset({"histogram", "histogram_values"})
"""The same, whose first argument names a relation."""
_HARMLESS = frozenset(
    {
        "current_database",
        "current_date",
        "current_query",
        "current_schema",
        "current_schemas",
        "error",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "now",
        "random",
        "today",
        "transaction_timestamp",
        "uuid",
        "uuidv4",
        "uuidv7",
    }
)
"""Functions that do more than compute, and may be called."""
_HARMFUL = frozenset(
    {
        # these plan or bind a statement that stands in a text
        "json_serialize_plan",
        # these take bytes for the inner state of something, and believe them
        "combine",
        "combine_aggr",
        "finalize",
        "to_aggregate_state",
        "variant_bytes_to_variant",
        # this waits
        "pg_sleep",
        # these are known to some builds of DuckDB alone
        "getenv",
        "getvariable",
    }
)
"""Functions that are said to compute only, and may not be called."""


@cache
def refused_functions() -> frozenset[str]:
    """The names of DuckDB's own scalar functions, aggregates and macros that may not be called, in lower case.

    It opens a DuckDB of its own for a moment, once in the life of a process.
    """
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE function_type = 'scalar' AND (stability <> 'CONSISTENT' OR has_side_effects)"
            " OR starts_with(function_name, '__internal')"
        ).fetchall()
    return (frozenset(str(name) for (name,) in found) - _HARMLESS) | _HARMFUL
