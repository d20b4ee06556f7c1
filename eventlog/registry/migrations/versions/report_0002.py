"""What a run says of the models gets a column of its own; it shared that of the stages."""

from __future__ import annotations

import json

from alembic import op
from sqlalchemy import Column, Text, column, select, table, update

revision = "0002"
down_revision = "0001"

_runs = table("batch_runs", column("id"), column("stages"), column("report"))


def upgrade() -> None:
    """Take the two apart. Rows from before there were reports hold the stages alone, and stay as they are."""
    op.add_column("batch_runs", Column("report", Text, nullable=False, server_default="{}"))
    connection = op.get_bind()
    for id_, text in connection.execute(select(_runs.c.id, _runs.c.stages)).all():
        stored = json.loads(text)
        if isinstance(stored, dict):
            values = {name: json.dumps(stored[name]) for name in ("stages", "report") if name in stored}
            connection.execute(update(_runs).where(_runs.c.id == id_).values(values))
