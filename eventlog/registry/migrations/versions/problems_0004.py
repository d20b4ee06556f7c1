"""What a run worked around, so that people read it where the run is shown, and not only on its terminal."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Runs of before tell of none."""
    op.add_column("batch_runs", Column("problems", Text, nullable=False, server_default="[]"))
