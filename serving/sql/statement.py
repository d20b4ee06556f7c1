"""What may run: one statement that reads, and calls no function that does more.

DuckDB itself parses the statement, and this looks at what it made of it. Both lists name what may be, not what must
not: a `SELECT` can hide a `COPY` in a `WITH`, run another statement by the function `query`, and change how the
database works by calling `enable_logging`; nobody knows what the next version adds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import orjson

from serving.sql.errors import SqlFailedError, SqlRefusedError

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""The kinds of query nodes that only read."""
TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_databases",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "histogram",
        "histogram_values",
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
"""Functions that can stand where a table does; and the macros of the snapshot."""
SCALAR_FUNCTIONS_REFUSED = frozenset({"current_setting", "getenv", "getvariable", "nextval", "write_log"})
_ADVICE = "write one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW)"


def check(connection: duckdb.DuckDBPyConnection, sql: str, macros: Collection[str]) -> None:
    """Let a statement pass.

    Parameters
    ----------
    macros
        The names of the table macros that may be called, too.

    Raises
    ------
    SqlRefusedError
        If it is not exactly one statement that reads.
    SqlFailedError
        If it cannot be parsed.
    """
    statement = _only(connection, sql)
    kind = _kind(statement)
    if kind == "EXPLAIN":
        explained = _only(connection, _explained(sql))
        if _kind(explained) != "SELECT":
            what = _words(_kind(explained))
            raise SqlRefusedError("statement", f"EXPLAIN {what} is not for this endpoint; {_ADVICE}")
        statement = explained
    elif kind != "SELECT":
        what = "a PIVOT without IN (...) makes types first; name its values" if kind == "MULTI" else _ADVICE
        raise SqlRefusedError("statement", f"{_words(kind)} is not for this endpoint, which only reads: {what}")
    _check_tree(connection, statement.query, macros)


def _only(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise SqlFailedError(str(error)) from None
    if not statements:
        raise SqlRefusedError("empty", f"There is no statement; {_ADVICE}")
    if len(statements) > 1:
        raise SqlRefusedError("statement", f"There are {len(statements)} statements; send them one by one")
    return statements[0]


def _kind(statement: Any) -> str:
    try:
        return str(statement.type.name)
    except ValueError:  # a kind that DuckDB's Python client has no name for
        return "THIS"


def _explained(sql: str) -> str:
    """The statement behind ``EXPLAIN [ANALYZE] [(options)]``."""
    tokens = [start for start, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    texts = [sql[start:end].strip() for start, end in zip(tokens, [*tokens[1:], len(sql)], strict=True)]
    at = 1
    if _word(texts, at) == "analyze":
        at += 1
    if _word(texts, at).startswith("("):
        depth = 0
        while at < len(texts):
            depth += texts[at].count("(") - texts[at].count(")")
            at += 1
            if depth <= 0:
                break
    if _word(texts, at) == "analyze":
        at += 1
    return sql[tokens[at] :] if at < len(tokens) else ""


def _word(texts: list[str], at: int) -> str:
    return texts[at].split("/*")[0].split("--")[0].strip().lower() if at < len(texts) else ""


def _check_tree(connection: duckdb.DuckDBPyConnection, sql: str, macros: Collection[str]) -> None:
    try:
        ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    except duckdb.Error as error:
        raise SqlFailedError(str(error)) from None
    tree = orjson.loads(text)
    if tree["error"]:
        raise SqlRefusedError("statement", f"This statement cannot be checked; {_ADVICE}")
    for node in _nodes(tree["statements"]):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in NODES:
            raise SqlRefusedError("statement", f"{_words(kind.removesuffix('_NODE'))} is not for this endpoint")
        if kind == "TABLE_FUNCTION":
            name = str(node.get("function", {}).get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS and name not in macros:
                raise SqlRefusedError("function", f"The table function {name!r} is not for this endpoint")
        elif node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in SCALAR_FUNCTIONS_REFUSED:
            raise SqlRefusedError("function", f"The function {node['function_name']!r} is not for this endpoint")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _words(kind: str) -> str:
    return kind.removesuffix("_QUERY").replace("_", " ")
