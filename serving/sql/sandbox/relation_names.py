"""The relations that a statement may read: those of the snapshot, and what DuckDB tells of them.

DuckDB has views of its own, which can be read without calling a function: the settings are in `pg_settings`, too, and
where the database lies in `pragma_database_list`. And whatever name it does not know it takes for a file's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from functools import cache

import duckdb

from serving.sql.errors import SqlFailedError, SqlRefusedError

SYSTEM_RELATIONS = {
    "main": frozenset(
        {
            "duckdb_columns",
            "duckdb_constraints",
            "duckdb_indexes",
            "duckdb_schemas",
            "duckdb_tables",
            "duckdb_types",
            "duckdb_views",
            "sqlite_master",
            "sqlite_schema",
        }
    ),
    "information_schema": frozenset(
        {
            "character_sets",
            "check_constraints",
            "columns",
            "constraint_column_usage",
            "constraint_table_usage",
            "key_column_usage",
            "referential_constraints",
            "schemata",
            "table_constraints",
            "tables",
            "views",
        }
    ),
    "pg_catalog": frozenset(
        {
            "pg_am",
            "pg_attrdef",
            "pg_attribute",
            "pg_class",
            "pg_collation",
            "pg_constraint",
            "pg_depend",
            "pg_description",
            "pg_enum",
            "pg_index",
            "pg_indexes",
            "pg_namespace",
            "pg_sequence",
            "pg_sequences",
            "pg_tables",
            "pg_type",
            "pg_views",
        }
    ),
}
"""DuckDB's own views that may be read, by schema: they tell what relations and types there are."""
_RECURRING = "recurring"
"""The schema in which a recursive query with keys finds what it has so far."""


@cache
def own_views() -> frozenset[str]:
    """The views of DuckDB's own that are found without their schema, in lower case.

    It opens a DuckDB of its own for a moment, once in the life of a process.
    """
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT lower(view_name) FROM duckdb_views() WHERE internal AND schema_name IN ('main', 'pg_catalog')"
        ).fetchall()
    return frozenset(str(name) for (name,) in found)


class RelationNames:
    """The names that stand for something in `FROM`, in lower case.

    Parameters
    ----------
    database
        The name of the snapshot's database.
    shown
        The views of its schema `main`.
    hidden
        Every view of DuckDB's own that is found without its schema.
    """

    def __init__(self, database: str, shown: Collection[str], hidden: Collection[str]):
        self._database = database
        self._shown = shown
        self._hidden = hidden

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> RelationNames:
        """Those of an open snapshot."""
        ((database,),) = connection.execute("SELECT lower(current_database())").fetchall()
        shown = {str(name).lower() for (name,) in connection.execute("SHOW TABLES").fetchall()}
        return cls(database, shown, own_views())

    def check(self, path: Sequence[str], queries: Collection[str]) -> None:
        """Let the parts of a name pass, in lower case.

        Parameters
        ----------
        queries
            The names that the statement itself gives.

        Raises
        ------
        SqlRefusedError
            If it is something of DuckDB's own that is not for this endpoint.
        SqlFailedError
            If it is nothing.
        """
        *qualifiers, name = path
        if qualifiers and qualifiers[0] in (self._database, "system"):
            qualifiers = qualifiers[1:]
        if len(qualifiers) > 1:
            raise SqlFailedError(self._unknown(".".join(path)))
        schema = qualifiers[0] if qualifiers else None
        if schema is None and name in queries and name not in self._hidden:
            return
        if schema == _RECURRING and name in queries:
            return
        if schema in (None, "main") and name in self._shown:
            return
        if any(name in SYSTEM_RELATIONS[place] for place in self._places(schema)):
            return
        if schema in ("information_schema", "pg_catalog") or name in self._hidden:
            raise SqlRefusedError("relation", f"The relation {name!r} is not for this endpoint")
        raise SqlFailedError(self._unknown(".".join(path)))

    @staticmethod
    def _places(schema: str | None) -> Sequence[str]:
        """The schemas of DuckDB's own in which a name is looked for."""
        if schema is None:
            return ("main", "pg_catalog")
        return (schema,) if schema in SYSTEM_RELATIONS else ()

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._shown, 1)
        return f"There is no relation {name!r}; " + (f"did you mean {near[0]}?" if near else "SHOW TABLES lists them")
