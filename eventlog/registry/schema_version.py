"""The version of the tables: looked at whenever a database is opened, and brought up to date before anything else.

=====================================  ====================================================================
what the database holds                what becomes of it
=====================================  ====================================================================
nothing                                all tables are made as `eventlog.registry.tables` has them
tables without a version               an earlier release made them: all steps of `migrations`
a version before `CURRENT`             the steps that it lacks
`CURRENT`                              nothing; one small statement finds out
another version                        refused: a later release made it
=====================================  ====================================================================

All of it is one transaction, which holds the lock that lets one process at a time do this. So two that start at once
do not meet, and one that is killed leaves the database as it was.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select, text

from eventlog.errors import DatabaseVersionError
from eventlog.registry.tables import heads, metadata, schema_version

CURRENT = "0008"
"""The version that this program works with: the name of the newest step in `eventlog.registry.migrations`."""
EARLIER = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""The versions that it can bring up to date."""
_LOCK = 4242


def is_current(connection: Connection) -> bool:
    """Whether the tables are those that this program works with.

    Raises
    ------
    DatabaseVersionError
        If a later release made them.
    """
    return _version(connection) == CURRENT


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables, or change them, in the transaction of a connection that may write."""
    if connection.dialect.name == "postgresql":  # SQLite's writing transaction is such a lock from its start
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    version = _version(connection)
    if version == CURRENT:  # another process was quicker
        return
    if version is None and not inspect(connection).has_table(heads.name):
        metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(schema_version).values(version_num=CURRENT))
        return
    from eventlog.registry.migrations import upgrade  # Alembic: only a database of an earlier release pays for it

    upgrade(connection)


def _version(connection: Connection) -> str | None:
    """The version of the tables; None: there is none, and perhaps no tables."""
    if not inspect(connection).has_table(schema_version.name):
        return None
    version: str | None = connection.execute(select(schema_version.c.version_num)).scalar_one_or_none()
    if version not in (None, CURRENT, *EARLIER):
        raise DatabaseVersionError(version, CURRENT)
    return version
