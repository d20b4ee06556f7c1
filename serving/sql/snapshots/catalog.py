"""The DuckDB file of a snapshot: views, their comments, and nothing else.

A comment costs as much as a view, and there is one on every column. So what stays the same from one snapshot to the
next is made once, in a template: the relations with all their comments, each a view over a macro of the schema
`sources`. A snapshot is a copy of the template in which these macros are replaced; nobody but the views sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anabranch import App
from batch.duckdb_session import Connection, literal, quoted
from serving.sql.relations.relation import Relation
from serving.sql.relations.snapshot_contents import SnapshotContents
from serving.sql.relations.view_relations import history_macro

_STORAGE = "v1.2.0"
"""The format of the file: the oldest that has all we need, so that older clients open it too."""


def write_template(connection: Connection, path: Path, app: App, relations: Sequence[Relation]) -> None:
    """Write a database of these relations without a row."""
    empty = SnapshotContents()
    statements = ["CREATE SCHEMA sources", *_sources(app, relations, empty)]
    for relation in relations:
        name = quoted(relation.name)
        statements.append(f"CREATE VIEW {name} AS SELECT {relation.names} FROM sources.{name}()")
        statements.append(f"COMMENT ON VIEW {name} IS {literal(relation.comment)}")
        statements += [
            f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.comment)}"
            for column in relation.columns
        ]
    _run(connection, path, statements)


def write(
    connection: Connection,
    path: Path,
    template: bytes,
    app: App,
    relations: Sequence[Relation],
    contents: SnapshotContents,
) -> None:
    """Write the database of a snapshot. The connection is of a database of its own, in memory."""
    path.write_bytes(template)
    _run(connection, path, _sources(app, relations, contents))


def _sources(app: App, relations: Sequence[Relation], contents: SnapshotContents) -> list[str]:
    found = [
        f"CREATE OR REPLACE MACRO sources.{quoted(relation.name)}() AS TABLE {relation.source(contents)}"
        for relation in relations
    ]
    return [*found, *(history_macro(view, contents) for view in app.views.values())]


def _run(connection: Connection, path: Path, statements: Sequence[str]) -> None:
    connection.execute(f"ATTACH {literal(path)} AS snapshot (STORAGE_VERSION {literal(_STORAGE)})")
    connection.execute("USE snapshot; BEGIN")
    try:
        connection.execute("; ".join(statements))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    else:
        connection.execute("COMMIT")
    finally:
        connection.execute("USE memory; DETACH snapshot")
