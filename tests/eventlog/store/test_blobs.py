from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from eventlog.store import Store
from eventlog.store.blobs import Blob, Blobs, digest_of
from eventlog.store.errors import BlobDamagedError
from eventlog.store.folder_store import FolderStore
from eventlog.store.memory_store import MemoryStore


@pytest.fixture(params=["folder", "elsewhere"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    store: Store = FolderStore(tmp_path / "store") if request.param == "folder" else MemoryStore()
    return Blobs(store, tmp_path / "cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"some content")
    return path


def test_what_was_put_is_fetched(blobs: Blobs, file: Path) -> None:
    blob = blobs.put(file)
    assert (blob.sha256, blob.bytes) == (sha256(b"some content").hexdigest(), 12)
    assert blob.name == f"blobs/{blob.sha256}"
    assert blobs.fetch(blob).read_bytes() == b"some content"
    assert blobs.put(file) == blob


def test_an_entry_of_a_manifest_names_a_blob(blobs: Blobs, file: Path) -> None:
    blob = blobs.put(file)
    assert blob.entry() == {"bytes": 12, "sha256": blob.sha256}
    other = Blob(blob.sha256, blob.bytes, f"blobs/{blob.sha256}.17")
    for each in (blob, other):
        assert Blob.of(each.entry()) == each


def test_a_blob_that_is_missing_is_damage(blobs: Blobs) -> None:
    with pytest.raises(BlobDamagedError, match="is missing"):
        blobs.fetch(Blob("0" * 64, 1, "blobs/" + "0" * 64))


@pytest.mark.parametrize("change", [lambda content: content[:5], lambda content: b"other content"[: len(content)]])
def test_what_was_altered_or_torn_is_never_handed_out(
    blobs: Blobs, file: Path, change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    blob = blobs.put(file)
    blobs.store.remove([blob.name])
    blobs.store.create(blob.name, change(b"some content"))
    for _ in range(2):
        with pytest.raises(BlobDamagedError, match="instead of"):
            blobs.fetch(blob)
    assert not (tmp_path / "cache" / blob.sha256).exists()


def test_the_digest_of_a_file(file: Path) -> None:
    assert digest_of(file) == (sha256(b"some content").hexdigest(), 12)
