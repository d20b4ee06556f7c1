"""A content that is put where its name is taken: by the same, by something else, by nothing that may stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.store.blobs import Blob, Blobs
from eventlog.store.errors import BlobDamagedError
from eventlog.store.folder_store import FolderStore


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(FolderStore(tmp_path / "store"), tmp_path / "cache")


def file(tmp_path: Path, content: bytes = b"content") -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def test_the_same_content_has_one_name(blobs: Blobs, tmp_path: Path) -> None:
    first = blobs.put(file(tmp_path))
    (tmp_path / "file").unlink()
    assert blobs.put(file(tmp_path)) == first
    assert Blob.of(first.entry()) == first
    assert first.name == f"blobs/{first.sha256}"


@pytest.mark.parametrize("altered", [b"", b"c0ntent", b"content and more"])
def test_a_damaged_blob_is_left_alone_and_the_content_put_beside_it(
    blobs: Blobs, tmp_path: Path, altered: bytes
) -> None:
    first = blobs.put(file(tmp_path))
    place = blobs.fetch(first)
    place.unlink()
    place.write_bytes(altered)
    (tmp_path / "file").unlink()
    again = blobs.put(file(tmp_path))
    assert again.name != first.name
    assert Blob.of(again.entry()) == again
    assert blobs.fetch(again).read_bytes() == b"content"
    assert place.read_bytes() == altered
    with pytest.raises(BlobDamagedError):
        blobs.fetch(first)


def test_a_content_can_have_a_second_name_that_outlives_the_first(blobs: Blobs, tmp_path: Path) -> None:
    first = blobs.put(file(tmp_path))
    second = blobs.renamed(first)
    blobs.store.remove([first.name])
    assert (second.sha256, second.bytes) == (first.sha256, first.bytes)
    assert blobs.fetch(second).read_bytes() == b"content"
