"""The log has an id, commits have theirs, requests may have keys; and it is known who still needs which blobs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Logs of before get their id when they are opened."""
    op.create_table(
        "log_identity",
        Column("id", Text, primary_key=True),
        Column("created", BigInteger, nullable=False),
        Column("store", Text),
    )
    op.create_table(
        "commits",
        Column("writer", Text, primary_key=True),
        Column("number", BigInteger, nullable=False),
        Column("offset", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotent_requests",
        Column("key", Text, primary_key=True),
        Column("request", Text, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        Column("offset", BigInteger, nullable=False),
    )
    op.create_index("idempotent_requests_by_offset", "idempotent_requests", ["offset"])
    op.create_table(
        "replicas",
        Column("id", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("cut", BigInteger, nullable=False),
        Column("generation", Integer),
        Column("updated", BigInteger, nullable=False),
    )
    op.create_table(
        "condemned_blobs", Column("name", Text, primary_key=True), Column("condemned", BigInteger, nullable=False)
    )
