"""The folders below a name, as every store tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.store import Store
from eventlog.store.folder_store import FolderStore
from eventlog.store.memory_store import MemoryStore


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_the_folders_below_a_name_are_told_and_what_lies_in_it_is_not(tmp_path: Path, kind: str) -> None:
    store: Store = FolderStore(tmp_path) if kind == "folder" else MemoryStore()
    assert store.folders("lake") == []
    for name in ("lake/walks/a", "lake/rides/log/b", "lake/rides/c", "lake/d", "lakes/e/f"):
        store.create(name, b"")
    assert store.folders("lake") == ["rides", "walks"]
    assert store.folders("lake/rides") == ["log"]
    assert store.folders("lake/d") == []
