from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from eventlog.store.address import StoreAddress
from eventlog.store.folder_store import FolderStore


def test_it_travels_and_is_opened_once_in_a_process(tmp_path: Path) -> None:
    address = StoreAddress(str(tmp_path / "store"), str(tmp_path / "cache"))
    sent = pickle.loads(pickle.dumps(address))
    assert sent == address
    blobs = sent.opened()
    assert blobs is address.opened()
    assert isinstance(blobs.store, FolderStore)
    assert blobs.store.folder == tmp_path / "store"


def test_a_worker_with_a_home_of_its_own_has_its_cache_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_HOME", str(tmp_path / "own"))
    address = StoreAddress(str(tmp_path / "store"), str(tmp_path / "senders" / "cache"))
    assert address.opened().cache == tmp_path / "own" / "cache"
    assert not (tmp_path / "senders").exists()
