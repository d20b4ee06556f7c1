"""What may run: one statement that reads, and calls no function that does more.

DuckDB itself parses the statement, this looks at what it made of it, and what was parsed is what runs: nothing here
reads SQL. The lists name what may be, not what must not: a `SELECT` can hide a `COPY` in a `WITH`, run another
statement by the function `query`, and change how the database works by calling `enable_logging`; nobody knows what the
next version adds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import orjson

from serving.sql.errors import SqlFailedError, SqlRefusedError
from serving.sql.sandbox.functions import FUNCTIONS_OF_RELATIONS, TABLE_FUNCTIONS, refused_functions
from serving.sql.sandbox.relation_names import RelationNames

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""The kinds of query nodes that only read."""
SHOWN = frozenset({"tables", "__show_tables_expanded"})
"""What `SHOW` may list, as DuckDB's parser calls it: ``SHOW TABLES`` and ``SHOW ALL TABLES``."""
EXPLANATIONS = frozenset({"default", "text", "json", "yaml", "graphviz", "mermaid"})
"""The forms of `EXPLAIN`."""
_ADVICE = "write one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW)"
_HEAD_TOKENS = 16
"""No head of an `EXPLAIN` is longer than this: ``EXPLAIN ANALYZE (ANALYZE true, FORMAT (json))`` has twelve."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run.

    Attributes
    ----------
    statement
        What DuckDB's parser made of it; this is to be run, not the text.
    is_explanation
        Whether it tells how something would run.
    """

    statement: Any
    is_explanation: bool


class StatementCheck:
    """Says of statements on one snapshot whether they may run.

    Parameters
    ----------
    connection
        Parses; no statement of a stranger is ever run on it.
    relations
        What statements may read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, relations: RelationNames):
        self._connection = connection
        self._relations = relations

    def passed(self, sql: str) -> Checked:
        """The statement of a text.

        Raises
        ------
        SqlRefusedError
            If it is not exactly one statement that reads.
        SqlFailedError
            If it reads what there is not, or is nested too deeply.
        duckdb.Error
            If it cannot be parsed.
        """
        statement = self._only(sql)
        kind = _kind(statement)
        if kind == "EXPLAIN":
            return self._explanation(sql)
        if kind != "SELECT":
            what = "a PIVOT without IN (...) makes types first; name its values" if kind == "MULTI" else _ADVICE
            raise SqlRefusedError("statement", f"{_words(kind)} is not for this endpoint, which only reads: {what}")
        self._check_tree(statement.query)
        return Checked(statement, is_explanation=False)

    def _only(self, sql: str) -> Any:
        statements = self._connection.extract_statements(sql)
        if not statements:
            raise SqlRefusedError("empty", f"There is no statement; {_ADVICE}")
        if len(statements) > 1:
            raise SqlRefusedError("statement", f"There are {len(statements)} statements; send them one by one")
        return statements[0]

    @cached_property
    def _macros(self) -> frozenset[str]:
        """The table macros of the snapshot. To list them takes longer than most statements, and few call one."""
        found = self._connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE NOT internal AND function_type = 'table_macro'"
        ).fetchall()
        return frozenset(str(name) for (name,) in found)

    # EXPLAIN

    def _explanation(self, sql: str) -> Checked:
        """An `EXPLAIN` of our own of what a text explains.

        DuckDB tells nothing of the statement within. So this asks it what of the text is a statement by itself, checks
        that, and puts a head before it that is one of a few: whatever the text was made to look like, nothing runs
        but what was checked.
        """
        head, explained = self._explained(sql)
        if _kind(explained) != "SELECT":
            raise SqlRefusedError(
                "statement", f"EXPLAIN {_words(_kind(explained))} is not for this endpoint; {_ADVICE}"
            )
        self._check_tree(explained.query)
        words = [f"FORMAT {_format(head)}", *(["ANALYZE"] if "analyze" in head else [])]
        statement = self._only(f"EXPLAIN ({', '.join(words)}) {explained.query}")
        assert _kind(statement) == "EXPLAIN"
        return Checked(statement, is_explanation=True)

    def _explained(self, sql: str) -> tuple[list[str], Any]:
        """The words before the statement that is explained, and that statement."""
        text = sql.encode()
        tokens = duckdb.tokenize(sql)
        starts = [start for start, kind in tokens if kind != duckdb.token_type.comment]
        ends = [start for start, _ in tokens[1:]]
        words = [
            text[start : min((e for e in ends if e > start), default=len(text))] for start in starts[:_HEAD_TOKENS]
        ]
        for count, start in enumerate(starts[1:_HEAD_TOKENS], start=1):
            try:
                (found,) = self._connection.extract_statements(text[start:].decode())
            except (duckdb.Error, ValueError):
                continue  # no statement begins here, or not just one
            return [word.decode().strip("'\" \t\r\n").lower() for word in words[:count]], found
        raise SqlRefusedError("statement", f"What this explains is no statement that can be checked; {_ADVICE}")

    # the tree

    def _check_tree(self, sql: str) -> None:
        ((text,),) = self._connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError:  # DuckDB's own limit is about the same
            raise SqlFailedError("The statement is nested too deeply") from None
        if tree["error"]:
            raise SqlRefusedError("statement", f"This statement cannot be checked; {_ADVICE}")
        nodes = list(_nodes(tree["statements"]))
        named = {name for node in nodes for name in _named_queries(node)}
        for node in nodes:
            self._check_node(node, named)

    def _check_node(self, node: dict[str, Any], named: Collection[str]) -> None:
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in NODES:
            raise SqlRefusedError("statement", f"{_words(kind.removesuffix('_NODE'))} is not for this endpoint")
        match kind:
            case "BASE_TABLE":
                self._relations.check(_path(node), named)
            case "SHOW_REF":
                self._check_shown(node, named)
            case "TABLE_FUNCTION":
                self._check_table_function(node["function"], named)
        if node.get("class") in ("FUNCTION", "WINDOW") and _path(node)[-1] in refused_functions():
            raise SqlRefusedError("function", f"The function {_path(node)[-1]!r} is not for this endpoint")

    def _check_shown(self, node: dict[str, Any], named: Collection[str]) -> None:
        if node["query"] is not None:
            return  # a query, which is looked at by itself
        match node["show_type"]:
            case "SHOW_SPECIAL" if (name := _path(node)[-1].strip('"')) not in SHOWN:
                raise SqlRefusedError("statement", f"SHOW {name.upper()} is not for this endpoint; SHOW TABLES is")
            case "SHOW_SPECIAL" | "SHOW_FROM":
                pass
            case _:
                self._relations.check(_path(node), named)

    def _check_table_function(self, function: dict[str, Any], named: Collection[str]) -> None:
        name = _path(function)[-1]
        if name in FUNCTIONS_OF_RELATIONS:
            self._relations.check(_named_by(function), named)
        elif name not in TABLE_FUNCTIONS and name not in self._macros:
            raise SqlRefusedError("function", f"The table function {name!r} is not for this endpoint")


def _kind(statement: Any) -> str:
    try:
        return str(statement.type.name)
    except ValueError:  # a kind that DuckDB's Python client has no name for
        return "THIS"


def _format(head: list[str]) -> str:
    """The form that the head of an `EXPLAIN` asks for."""
    asked = head[head.index("format") + 1 :] if "format" in head else ["default"]
    found = next((word for word in asked if word not in ("", "(")), "default")
    if found not in EXPLANATIONS:
        raise SqlRefusedError("statement", f"EXPLAIN has no FORMAT {found} here; there are {', '.join(EXPLANATIONS)}")
    return found


def _path(node: dict[str, Any]) -> list[str]:
    """The parts of a qualified name, in lower case."""
    return [str(part).lower() for part in node["qualified_name"]["path"]]


def _named_by(function: dict[str, Any]) -> list[str]:
    """The relation that a function is given by its name."""
    given = function.get("arguments", [])
    by_name = [argument["expression"] for argument in given if argument["name"].lower() == "source"]
    named = (by_name or [argument["expression"] for argument in given] or [{}])[0]
    if named.get("class") != "COLUMN_REF":
        raise SqlRefusedError(
            "function", f"{_path(function)[-1]} takes the name of a relation here, as it stands in FROM"
        )
    return [str(part).lower() for part in named["column_names"]]


def _named_queries(node: dict[str, Any]) -> Iterator[str]:
    """The names that a node gives to queries, in lower case."""
    for named in node.get("cte_map", {}).get("map", ()):
        yield str(named["key"]).lower()
    if "cte_name" in node:
        yield str(node["cte_name"]).lower()


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
