from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventlog.registry.database import Database
from eventlog.registry.leases import Leases, MemoryLeases
from tests.contracts.leases import Clock, LeasesContract


class TestMemoryLeases(LeasesContract):
    @pytest.fixture
    def leases(self, clock: Clock) -> MemoryLeases:
        return MemoryLeases(clock)


class TestSqlite(LeasesContract):
    @pytest.fixture
    def leases(self, clock: Clock, sqlite_url: str) -> Iterator[Leases]:
        database = Database(sqlite_url)
        yield Leases(database, clock)
        database.close()


class TestPostgresql(LeasesContract):
    @pytest.fixture
    def leases(self, clock: Clock, postgresql_url: str) -> Iterator[Leases]:
        database = Database(postgresql_url)
        yield Leases(database, clock)
        database.close()
