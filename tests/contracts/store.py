"""What a store must do, wherever it is."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eventlog.store import Store
from eventlog.store.errors import StoreMissingError

ROOT = Path(__file__).parent.parent.parent
WRITERS = 8


class StoreContract:
    """Subclasses have a fixture `store`: an empty one."""

    def test_what_was_created_is_read_and_downloaded(self, store: Store, tmp_path: Path) -> None:
        assert store.create("blobs/a", b"some bytes")
        assert store.read("blobs/a") == b"some bytes"
        store.download("blobs/a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"some bytes"

    @pytest.mark.parametrize("size", [0, 1, 100_000, 9 << 20])
    def test_a_file_of_any_length_is_taken(self, store: Store, tmp_path: Path, size: int) -> None:
        content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        (tmp_path / "file").write_bytes(content)
        assert store.create("blobs/a", tmp_path / "file")
        store.download("blobs/a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == content
        assert (tmp_path / "file").read_bytes() == content

    def test_a_name_that_is_taken_keeps_its_content(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"a file")
        assert store.create("a", b"first")
        assert not store.create("a", b"second")
        assert not store.create("a", tmp_path / "file")
        assert store.read("a") == b"first"

    def test_of_eight_threads_that_race_for_a_name_one_wins(self, store: Store) -> None:
        for n in range(5):
            with ThreadPoolExecutor(WRITERS) as pool:
                won = list(pool.map(lambda i, n=n: store.create(f"race/{n}", bytes([i]) * 50_000), range(WRITERS)))
            assert won.count(True) == 1
            assert store.read(f"race/{n}") == bytes([won.index(True)]) * 50_000

    def test_a_name_that_was_removed_is_free_again(self, store: Store) -> None:
        store.create("a", b"first")
        store.remove(["a"])
        assert store.create("a", b"second")
        assert store.read("a") == b"second"

    def test_what_is_not_there_is_missing(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreMissingError, match=r"blobs/none .* is missing"):
            store.read("blobs/none")
        with pytest.raises(StoreMissingError, match=r"blobs/none .* is missing"):
            store.download("blobs/none", tmp_path / "copy")
        assert store.stat("blobs/none") is None
        assert list(store.list("blobs")) == []
        store.remove(["blobs/none", "none"])

    def test_of_several_to_remove_some_may_be_missing(self, store: Store) -> None:
        for name in ("a/1", "a/2", "a/3"):
            store.create(name, b"")
        store.remove(["a/0", "a/1", "a/none", "a/3", "b"])
        assert [found.name for found in store.list("a")] == ["a/2"]
        store.remove([])

    def test_a_listing_has_what_lies_below_a_folder_and_nothing_beside_it(self, store: Store) -> None:
        for name in ("lake/rides/_delta_log/0.json", "lake/rides/a=1.parquet", "lake/walks/b", "lakes/c", "lake2", "d"):
            store.create(name, name.encode())
        assert {found.name for found in store.list("lake")} == {
            "lake/rides/_delta_log/0.json",
            "lake/rides/a=1.parquet",
            "lake/walks/b",
        }
        assert [found.name for found in store.list("lake/rides/_delta_log")] == ["lake/rides/_delta_log/0.json"]

    def test_a_listing_has_every_one_of_many(self, store: Store) -> None:
        names = {f"many/{n}" for n in range(1_100)}  # a page of S3 has a thousand
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda name: store.create(name, b"", durable=False), names))
        assert {found.name for found in store.list("many")} == names
        store.remove(names)
        assert list(store.list("many")) == []

    def test_length_and_time_are_told(self, store: Store) -> None:
        before = time.time()
        store.create("a/b", b"12345")
        found = store.stat("a/b")
        assert found is not None
        assert (found.name, found.bytes) == ("a/b", 5)
        assert before - 2 <= found.modified / 1e6 <= time.time() + 2  # S3 tells whole seconds
        assert list(store.list("a")) == [found]

    def test_the_folders_below_a_name_are_told_and_what_lies_in_it_is_not(self, store: Store) -> None:
        assert store.folders("lake") == []
        for name in ("lake/walks/a", "lake/rides/log/b", "lake/rides/c", "lake/d", "lakes/e/f"):
            store.create(name, b"")
        assert store.folders("lake") == ["rides", "walks"]
        assert store.folders("lake/rides") == ["log"]
        assert store.folders("lake/d") == []


class SharedStoreContract(StoreContract):
    """For those that several processes have: subclasses have a fixture `url` besides."""

    def test_of_eight_processes_that_race_for_names_one_wins_each(self, store: Store, url: str) -> None:
        names = [f"race/{n}" for n in range(20)]
        script = (
            "import sys\n"
            "from eventlog.store.opening import open_store\n"
            "url, me, *names = sys.argv[1:]\n"
            "store = open_store(url)\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
            "print(*(name for name in names if store.create(name, me.encode() * 10_000)))\n"
        )
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", script, url, str(n), *names],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                text=True,
            )
            for n in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        won = {str(n): writer.communicate("go\n", timeout=120)[0].split() for n, writer in enumerate(writers)}
        assert all(writer.returncode == 0 for writer in writers)
        assert sorted(name for mine in won.values() for name in mine) == sorted(names)
        for me, mine in won.items():
            assert all(store.read(name) == me.encode() * 10_000 for name in mine)
