"""The system's own segments get an index: decisions are found without reading the log between them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"

_OF_SYSTEM = text("stream = '_anabranch'")


def upgrade() -> None:
    """Make the index, which reads the table once; it is partial, and so small that it never needs it again."""
    op.create_index(
        "segments_of_system",
        "segments",
        ["partition", "offset"],
        sqlite_where=_OF_SYSTEM,
        postgresql_where=_OF_SYSTEM,
        if_not_exists=True,
    )
