from __future__ import annotations

import os
from pathlib import Path

import pytest

from eventlog.store import Store
from eventlog.store.errors import StoreUnavailableError
from eventlog.store.folder_store import FolderStore
from tests.contracts.store import SharedStoreContract


class TestFolderStore(SharedStoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "store")

    @pytest.fixture
    def store(self, url: str) -> Store:
        return FolderStore(Path(url))

    def test_a_file_is_taken_by_a_link_and_leaves_nothing_beside_it(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"content")
        store.create("a/b", tmp_path / "file")
        path = store.path("a/b")
        assert path is not None
        assert os.path.samefile(path, tmp_path / "file")
        store.create("a/c", b"content")
        assert sorted(os.listdir(path.parent)) == ["b", "c"]

    def test_what_a_killed_writer_left_is_no_name(self, store: Store) -> None:
        store.create("a/b", b"")
        path = store.path("a/.c.123-abc.part")
        assert path is not None
        path.write_bytes(b"half")
        assert [found.name for found in store.list("a")] == ["a/b"]
        assert path.exists(), "somebody may be writing it"
        os.utime(path, (0, 0))
        assert [found.name for found in store.list("a")] == ["a/b"]
        assert not path.exists()

    def test_a_folder_that_cannot_be_had_is_unavailable(self, store: Store, url: str) -> None:
        Path(url).write_text("a file in the way")
        with pytest.raises(StoreUnavailableError, match="cannot be reached now"):
            store.create("a/b", b"")

    def test_a_table_of_delta_lake_is_a_folder_in_it(self, store: Store, url: str) -> None:
        assert store.delta_url("lake/rides") == f"{url}/lake/rides"
        assert store.delta_options == {}
