"""Segments have a checksum: SQLite has none of its own, and a bit that a disk flips in one would be folded."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Segments of before have none, and are believed."""
    op.add_column("segments", Column("checksum", BigInteger))
