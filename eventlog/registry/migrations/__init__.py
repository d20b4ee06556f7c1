"""What changes the tables of a database that an earlier release made: one step a file in `versions`, in Alembic's form.

A change of `eventlog.registry.tables` comes with a step here and a new `eventlog.registry.schema_version.CURRENT`; the
tests hold that a database made by all steps is the same as a new one. A step runs in the transaction of the start (see
`schema_version`), so it is done wholly or not at all; it may move rows as well as change tables.
"""

from __future__ import annotations

from threading import Lock

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_ONE_AT_A_TIME = Lock()
"""Within this process: Alembic hands its environment about in a module."""


def upgrade(connection: Connection) -> None:
    """Run the steps that a database has not seen yet, in the transaction of a connection."""
    config = Config()
    config.set_main_option("script_location", "eventlog.registry:migrations")
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
