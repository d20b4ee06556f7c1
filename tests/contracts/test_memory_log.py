from __future__ import annotations

import pytest

from eventlog import Log
from eventlog.lake import Lake
from eventlog.log.memory_log import MemoryLog
from eventlog.registry.leases import MemoryLeases
from eventlog.registry.letter_keeping import RefusedEvent
from tests.contracts.log import NOW, LogContract, Open


class TestMemoryLog(LogContract):
    @pytest.fixture
    def leases(self) -> MemoryLeases:
        return MemoryLeases()

    @pytest.fixture
    def open_log(self, leases: MemoryLeases) -> Open:
        def open_(lake: Lake | None = None) -> MemoryLog:
            return MemoryLog(lake, lambda: NOW, leases)

        return open_

    def refused(self, log: Log) -> list[tuple[str, RefusedEvent]]:
        assert isinstance(log, MemoryLog)
        return log.refused
