"""What is kept of a bucket on this machine: bounded, whole, and as long as somebody needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import pytest

from eventlog.store.blobs import Blob, Blobs
from eventlog.store.cache import ABANDONED_SECONDS, GRACE_SECONDS, Cache
from eventlog.store.errors import BlobDamagedError, StoreUnavailableError
from eventlog.store.memory_store import MemoryStore

ROOT = Path(__file__).parent.parent.parent.parent
BOUND = 1_000


class CountingStore(MemoryStore):
    """Counts what is downloaded, and may send something else."""

    def __init__(self) -> None:
        super().__init__()
        self.downloads: list[str] = []
        self.altered: list[Callable[[bytes], bytes]] = []

    def download(self, name: str, path: Path) -> None:
        self.downloads.append(name)
        content = self.read(name)
        path.write_bytes(self.altered.pop(0)(content) if self.altered else content)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def blobs(store: CountingStore, folder: Path) -> Blobs:
    return Blobs(store, folder, BOUND)


def put(store: MemoryStore, content: bytes) -> Blob:
    digest = sha256(content).hexdigest()
    store.create(f"blobs/{digest}", content)
    return Blob(digest, len(content), f"blobs/{digest}")


def hundred(store: MemoryStore, n: int) -> Blob:
    return put(store, bytes([n]) * 100)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if len(path.name) == 64}


def age(folder: Path, blob: Blob, seconds: float) -> None:
    """Have it used so long ago."""
    then = time.time() - seconds
    os.utime(folder / "used" / blob.sha256, (then, then))


def test_a_blob_is_downloaded_once(blobs: Blobs, store: CountingStore, folder: Path) -> None:
    blob = put(store, b"content")
    assert {blobs.fetch(blob) for _ in range(3)} == {folder / blob.sha256}
    assert Blobs(store, folder).fetch(blob).read_bytes() == b"content", "another process shares it"
    assert store.downloads == [blob.name]


def test_of_many_threads_that_want_one_blob_one_downloads_it(blobs: Blobs, store: CountingStore) -> None:
    blob = put(store, b"content")
    together = Barrier(8)

    def fetch(_: int) -> bytes:
        together.wait()
        return blobs.fetch(blob).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fetch, range(8))) == {b"content"}
    assert store.downloads == [blob.name]


def test_what_was_not_used_for_longest_goes_first(blobs: Blobs, store: CountingStore, folder: Path) -> None:
    kept = [hundred(store, n) for n in range(10)]
    for n, blob in enumerate(kept):
        blobs.fetch(blob)
        age(folder, blob, 1_000 - n)
    Blobs(store, folder, BOUND).fetch(kept[0])  # another process uses it: it is the latest now
    new = hundred(store, 10)
    blobs.fetch(new)
    assert files(folder) == {blob.sha256 for blob in (kept[0], *kept[3:], new)}
    assert {path.name for path in (folder / "used").iterdir()} == files(folder)


def test_what_was_asked_for_just_now_stays_though_it_is_too_much(
    blobs: Blobs, store: CountingStore, folder: Path
) -> None:
    asked = [hundred(store, n) for n in range(15)]
    paths = [blobs.fetch(blob) for blob in asked]
    assert all(path.exists() for path in paths)
    for blob in asked:
        age(folder, blob, GRACE_SECONDS + 1)
    blobs.fetch(hundred(store, 20))
    assert sum((folder / name).stat().st_size for name in files(folder)) <= BOUND


def test_a_file_that_is_longer_than_the_bound_works(blobs: Blobs, store: CountingStore, folder: Path) -> None:
    small = hundred(store, 1)
    blobs.fetch(small)
    age(folder, small, 1_000)
    large = put(store, b"x" * 5_000)
    assert blobs.fetch(large).stat().st_size == 5_000
    assert files(folder) == {large.sha256}
    assert blobs.fetch(large).exists()
    age(folder, large, 1_000)
    blobs.fetch(small)
    assert files(folder) == {small.sha256}


def test_a_file_that_goes_is_read_to_its_end_by_who_has_it_open(
    blobs: Blobs, store: CountingStore, folder: Path
) -> None:
    blob = put(store, b"y" * 900)
    with blobs.fetch(blob).open("rb") as file:
        age(folder, blob, 1_000)
        blobs.fetch(put(store, b"z" * 900))
        assert not (folder / blob.sha256).exists()
        assert file.read() == b"y" * 900
    assert blobs.fetch(blob).read_bytes() == b"y" * 900


def test_what_a_pin_names_stays_until_its_owner_names_others(blobs: Blobs, store: CountingStore, folder: Path) -> None:
    first, second = hundred(store, 1), hundred(store, 2)
    blobs.pin("reader", [first])
    for blob in (first, second):
        blobs.fetch(blob)
        age(folder, blob, 1_000)
    blobs.fetch(put(store, b"x" * 950))
    assert (folder / first.sha256).exists()
    assert not (folder / second.sha256).exists()
    blobs.pin("reader", [second])
    age(folder, first, 1_000)
    blobs.fetch(put(store, b"y" * 950))
    assert not (folder / first.sha256).exists()
    blobs.pin("reader", [])
    assert list((folder / "pins").iterdir()) == []


@pytest.mark.parametrize("lasting", [True, False])
def test_the_pins_of_a_process_that_is_gone_are_void_unless_they_last(
    blobs: Blobs, store: CountingStore, folder: Path, lasting: bool
) -> None:
    blob = hundred(store, 1)
    script = (
        "import sys; from pathlib import Path; from eventlog.store.cache import Cache;"
        "Cache(Path(sys.argv[1])).pin('analytics', [sys.argv[2]], lasting=sys.argv[3] == 'True')"
    )
    subprocess.run([sys.executable, "-c", script, str(folder), blob.sha256, str(lasting)], check=True, cwd=ROOT)
    blobs.fetch(blob)
    age(folder, blob, 1_000)
    blobs.fetch(put(store, b"x" * 950))
    assert (folder / blob.sha256).exists() is lasting
    assert (folder / "pins" / "analytics.json").exists() is lasting


def test_a_pin_that_was_torn_is_void(blobs: Blobs, store: CountingStore, folder: Path) -> None:
    (folder / "pins").mkdir(parents=True)
    for name, content in (("a", b""), ("b", b"{"), ("c", b"[]"), ("d", b"\xff")):
        (folder / "pins" / f"{name}.json").write_bytes(content)
    blobs.fetch(put(store, b"x" * 950))
    blobs.fetch(put(store, b"y" * 950))
    assert list((folder / "pins").iterdir()) == []


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def altered(content: bytes) -> bytes:
    return content[:-1] + b"?"


@pytest.mark.parametrize("change", [torn, altered])
def test_what_is_torn_or_altered_on_its_way_is_fetched_again(
    blobs: Blobs, store: CountingStore, folder: Path, change: Callable[[bytes], bytes]
) -> None:
    blob = put(store, b"content")
    store.altered = [change]
    assert blobs.fetch(blob).read_bytes() == b"content"
    assert len(store.downloads) == 2

    other = put(store, b"other content")
    store.altered = [change, change]
    with pytest.raises(BlobDamagedError, match="instead of"):
        blobs.fetch(other)
    assert files(folder) == {blob.sha256}, "what is no good has no name"
    assert blobs.fetch(other).read_bytes() == b"other content"


@pytest.mark.parametrize("change", [torn, altered])
def test_a_copy_that_a_disk_has_changed_is_fetched_again(
    blobs: Blobs, store: CountingStore, change: Callable[[bytes], bytes]
) -> None:
    blob = put(store, b"content")
    path = blobs.fetch(blob)
    path.write_bytes(change(b"content"))
    assert blobs.fetch(blob).read_bytes() == b"content"
    assert len(store.downloads) == 2


def test_what_a_killed_process_was_writing_goes_and_what_another_writes_stays(
    blobs: Blobs, store: CountingStore, folder: Path
) -> None:
    script = (
        "import sys; from pathlib import Path; from eventlog.store.cache import Cache\n"
        "with Cache(Path(sys.argv[1])).writing('0' * 64) as path:\n"
        "    path.write_bytes(b'half'); print(path, flush=True); sys.stdin.read()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert writer.stdout is not None
    part = Path(writer.stdout.readline().strip())
    long_ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(part, (long_ago, long_ago))
    blobs.fetch(hundred(store, 1))
    assert part.exists(), "it is being written"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    blobs.fetch(hundred(store, 2))
    assert not part.exists()


def test_many_small_files_are_not_looked_at_each_time(store: CountingStore, folder: Path) -> None:
    cache = Cache(folder, 1_000_000)
    for n in range(300):
        digest = f"{n:064}"
        with cache.writing(digest) as path:
            path.write_bytes(b"x" * 10)
            cache.keep(digest, path)
    with cache.writing("part") as path:
        long_ago = time.time() - 1_000
        abandoned = folder / ".a.part"
        abandoned.touch()
        os.utime(abandoned, (long_ago, long_ago))
        path.write_bytes(b"x")
        cache.keep("f" * 64, path)
    assert abandoned.exists(), "nothing was looked at"


def test_a_folder_that_cannot_be_made_is_told_as_a_store_that_is_away(store: CountingStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blob = put(store, b"content")

    with pytest.raises(StoreUnavailableError):
        Blobs(store, tmp_path / "file" / "cache").fetch(blob)
