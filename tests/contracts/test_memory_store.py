from __future__ import annotations

import pytest

from eventlog.store import Store
from eventlog.store.memory_store import MemoryStore
from tests.contracts.store import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


def test_no_table_of_delta_lake_lies_in_it() -> None:
    with pytest.raises(NotImplementedError):
        MemoryStore().delta_url("lake/rides")
