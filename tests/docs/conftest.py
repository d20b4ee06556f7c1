"""The PostgreSQL server of the contracts, for the guide that moves the log there."""

from __future__ import annotations

from tests.databases import postgresql, postgresql_server

__all__ = ["postgresql", "postgresql_server"]
