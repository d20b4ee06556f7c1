"""What a manifest says is what is read of it, and its digest is that of its bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from batch.errors import CorruptGenerationError, FormatError
from batch.manifest import FORMAT, Layer, blobs_of, layers_of, name_of, read, unplaced, written
from batch.views.layers import LayerSize
from eventlog.decisions import Publication
from eventlog.store.blobs import Blob

SAID = {"generation": 7, "run": "r", "cut": "0:9", "views": {}}


def announced(sha256: str) -> Publication:
    return Publication(7, Cut((9,)), sha256, "r")


def blob(content: str, name: str | None = None) -> Blob:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Blob(sha256, len(content), name or f"blobs/{sha256}")


def test_the_digest_is_that_of_the_bytes_and_nothing_else_is_read() -> None:
    raw, sha256 = written(SAID)
    assert sha256 == hashlib.sha256(raw).hexdigest()
    assert read(announced(sha256), raw) == {"format": FORMAT, **SAID}
    assert name_of(announced(sha256)) == f"generations/00000007-{sha256}.json"
    with pytest.raises(CorruptGenerationError, match=f"the manifest of generation 7 is damaged: .*{sha256}"):
        read(announced("0" * 64), raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"{", b'{"form', b"\xff"])
def test_what_is_no_manifest_is_told_as_damage_whatever_its_digest(raw: bytes) -> None:
    with pytest.raises(CorruptGenerationError, match="is no manifest"):
        read(announced(hashlib.sha256(raw).hexdigest()), raw)


def test_another_format_is_named() -> None:
    raw = orjson.dumps({**SAID, "format": 99})
    with pytest.raises(FormatError, match="has format 99, this version reads 3"):
        read(announced(hashlib.sha256(raw).hexdigest()), raw)


def test_of_a_view_the_layers_come_back_also_those_of_an_earlier_release() -> None:
    layers = [
        Layer(blob("a"), blob("b", "blobs/b.again"), LayerSize(7, -5, 60)),
        Layer(blob("c"), blob("d"), LayerSize(3)),
    ]
    said = orjson.loads(written({"views": {"v": {"layers": [layer.entry() for layer in layers]}}})[0])
    assert layers_of(said["views"]["v"]) == layers
    files = {name: {**blob(name).entry(), "path": f"views/v.{name}"} for name in ("table", "index")}
    assert layers_of({"files": files, "rows": 5}) == [Layer(blob("table"), blob("index"), LayerSize(5))]
    assert unplaced(files["table"]) == blob("table").entry()


names = st.sampled_from(["sha256", "bytes", "name", "a"])
plain: Any = st.recursive(
    st.one_of(st.none(), st.text(max_size=3), st.integers(0, 9), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
)


@given(plain, st.lists(st.text(max_size=5), max_size=5, unique=True), st.randoms())
def test_every_blob_is_found_wherever_it_stands_and_nothing_else(said: Any, contents: list[str], chance: Any) -> None:
    for content in contents:
        entry = {**blob(content).entry(), "rows": 1}
        said = chance.choice([[said, entry], {"files": entry, "sha256": said}, {"bytes": {"sha256": entry}, "a": said}])
    assert sorted(blobs_of({"said": said}), key=repr) == sorted(map(blob, contents), key=repr)
