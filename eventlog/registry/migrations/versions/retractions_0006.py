"""Events can be taken out: where the decisions say so is looked up whenever the log is read."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Logs of before have no such decision."""
    op.create_table(
        "retractions",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", BigInteger, primary_key=True, autoincrement=False),
        Column("stream", Text, nullable=False),
        Column("decided", BigInteger, nullable=False),
    )
