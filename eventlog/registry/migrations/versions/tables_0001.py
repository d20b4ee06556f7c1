"""The tables as they were before databases had a version: those that are there already are left as they are."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is missing."""
    op.create_table(
        "heads",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("first", BigInteger, nullable=False),
        Column("next", BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "segments",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", BigInteger, primary_key=True, autoincrement=False),
        Column("count", Integer, nullable=False),
        Column("stream", Text, nullable=False),
        Column("appended", BigInteger, nullable=False),
        Column("times", LargeBinary, nullable=False),
        Column("heads", LargeBinary, nullable=False),
        Column("data", LargeBinary, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "ids",
        Column("stream", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("offset", BigInteger, nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "leases",
        Column("name", Text, primary_key=True),
        Column("token", BigInteger, nullable=False),
        Column("holder", Text),
        Column("expires", BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "batch_runs",
        Column("id", Text, primary_key=True),
        Column("status", Text, nullable=False),
        Column("full", Boolean, nullable=False),
        Column("pid", Integer),
        Column("started", BigInteger, nullable=False),
        Column("finished", BigInteger),
        Column("cut", Text),
        Column("generation", Integer),
        Column("stage", Text),
        Column("stages", Text, nullable=False),
        Column("events", BigInteger),
        Column("error", Text),
        if_not_exists=True,
    )
    op.create_table(
        "schemas",
        Column("stream", Text, primary_key=True),
        Column("schema", Text, nullable=False),
        Column("registered", BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "dead_letters",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("stream", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("errors", Text, nullable=False),
        Column("received", BigInteger, nullable=False),
        Column("retried", BigInteger),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("ix_dead_letters_stream", "dead_letters", ["stream"], if_not_exists=True)
