"""What a manifest says of files is what they are, and its digest is that of its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.errors import CorruptGenerationError
from batch.generation import FORMAT, MANIFEST, Generation, verify
from batch.manifest import file_entry, write_manifest

SAID = {"generation": 7, "run": "r", "cut": "0:9", "views": {}}


@given(data=st.binary(max_size=200), other=st.binary(max_size=200))
def test_a_file_is_the_one_that_was_named_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, other: bytes
) -> None:
    folder = tmp_path_factory.mktemp("generation")
    path = folder / "views" / "a b.parquet"
    path.parent.mkdir()
    path.write_bytes(data)
    entry = file_entry(folder, path)
    assert entry["path"] == "views/a b.parquet", "from the folder of the generation on, on every system"
    verify(folder / entry["path"], entry["bytes"], entry["sha256"])
    path.write_bytes(other)
    if other != data:
        with pytest.raises(CorruptGenerationError):
            verify(folder / entry["path"], entry["bytes"], entry["sha256"])


def test_the_digest_is_that_of_the_bytes_on_disk_and_opens_the_generation(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    sha256 = write_manifest(folder, SAID)
    raw = (folder / MANIFEST).read_bytes()
    assert sha256 == hashlib.sha256(raw).hexdigest()
    assert orjson.loads(raw) == {"format": FORMAT, **SAID}
    assert Generation.open(tmp_path, 7, sha256).number == 7
    with pytest.raises(CorruptGenerationError, match="sha256"):
        Generation.open(tmp_path, 7, "0" * 64)


def test_equal_contents_have_equal_digests_whatever_the_folder(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "another with spaces"):
        (tmp_path / name / "views").mkdir(parents=True)
        digests.add(write_manifest(tmp_path / name, SAID))
    assert len(digests) == 1
