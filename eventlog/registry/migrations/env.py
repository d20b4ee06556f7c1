"""How Alembic runs the steps: in the transaction of the connection that `upgrade` hands it. Alembic runs this file."""

from __future__ import annotations

from alembic import context

from eventlog.registry.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
