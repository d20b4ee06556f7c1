"""The manifest of a generation: what was published, and by which blobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from batch.errors import CorruptGenerationError, FormatError
from batch.views.layers import LayerSize
from eventlog.decisions import Publication
from eventlog.store.blobs import Blob
from eventlog.store.store import GENERATIONS

FORMAT = 3
_READ = (2, FORMAT)
"""Format 2 names files by paths in folders; its digests are all that is needed of it, see `batch.take_over`."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Some tiles of a view, as one run wrote them; see `batch.views.layers`.

    Attributes
    ----------
    table, index
        Two files with the same tiles, for analysts and for point reads: see `batch.views.publish`.
    size
        How many tiles, and where the ``first`` and the ``last`` of them in time start; in a manifest of an earlier
        release these two are not told.
    """

    table: Blob
    index: Blob
    size: LayerSize

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Layer:
        """From what a manifest says of it."""
        size = LayerSize(entry["rows"], entry.get("first"), entry.get("last"))
        return cls(Blob.of(entry["table"]), Blob.of(entry["index"]), size)

    def entry(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {"table": self.table.entry(), "index": self.index.entry(), **asdict(self.size)}


def layers_of(view: Mapping[str, Any]) -> list[Layer]:
    """The layers of a view, the newest first, from what a manifest says of the view."""
    if "layers" in view:
        return [Layer.of(entry) for entry in view["layers"]]
    return [Layer.of({**view["files"], "rows": view["rows"]})]  # format 2


def name_of(publication: Publication) -> str:
    """What the manifest is called in the store that a publication announced."""
    return manifest_name(publication.generation, publication.manifest_sha256)


def manifest_name(generation: int, sha256: str) -> str:
    """What a manifest is called in a store."""
    return f"{GENERATIONS}/{generation:08d}-{sha256}.json"


def written(manifest: Mapping[str, Any]) -> tuple[bytes, str]:
    """A manifest as it is stored, and the sha256 of that.

    It holds ``format``, ``log`` (the id of the log that it was made of), ``generation``, ``run``, ``app``, ``cut``,
    ``previous`` (the number of the generation that it builds on, or null), ``created``, ``version`` (of this program),
    ``watermarks`` (the newest event time by stream, microseconds; absent in manifests of earlier releases) and
    ``views``; there by name: ``fingerprint``, ``keep_us``, ``rows`` (its tiles), ``watermark`` (microseconds),
    ``failures`` (how often a function of the user raised), ``oldest`` (where the oldest of its tiles starts, if a layer
    holds older ones, microseconds) and ``layers`` (see `Layer`), the newest first.

    Files are blobs, see `eventlog.store.blobs.Blob.entry`: ``bytes``, ``sha256``, and ``name`` if it is not the usual
    one.

    And ``models``, by name (absent in generations of an application without models):

    - ``fingerprint``, ``task``, ``metric``;
    - ``champion``: the version as of publishing, or null;
    - ``versions``, the newest first: ``version`` (the number of the generation that trained it, twice: ``generation``),
      ``cut``, ``rows``, ``holdout`` (``loss``, ``rows``, and the loss of the ``incumbent`` or null), ``candidate``,
      ``promoted`` (at its publication), ``fingerprint``; the model that serves in ``format``
      (lightgbm, skops or pickle), ``file`` (of a pickle with its ``mac``, of `batch.models.pickled_files`) and
      ``encoding`` (of `batch.models.encoding`, and ``classes``), the one that passed the gate, which has not seen the
      holdout, in the same of ``gate``;
    - ``rows``: ``features`` (their kinds by name), ``newest`` (event times by stream, microseconds) and ``files``, each
      with ``start``, ``end``, ``rows`` and ``failed``; ``labels``: such files of a label that arrives later;
    - ``report``: ``candidates`` (``loss`` or ``error`` by name), ``skew`` (``checked``, ``unequal``, ``examples``) and
      ``failed`` (``count``, ``examples`` of ``position`` and ``reason``).
    """
    raw = orjson.dumps({"format": FORMAT, **manifest}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return raw, hashlib.sha256(raw).hexdigest()


def read(publication: Publication, raw: bytes) -> dict[str, Any]:
    """A manifest, held against what the log says of it.

    Raises
    ------
    CorruptGenerationError
        If it is not the one that was published.
    FormatError
        If it was written by a version of this program that writes them otherwise.
    """
    what = f"the manifest of generation {publication.generation}"
    found = hashlib.sha256(raw).hexdigest()
    if found != publication.manifest_sha256:
        raise CorruptGenerationError(what, f"{name_of(publication)} has the sha256 {found}")
    try:
        manifest: dict[str, Any] = orjson.loads(raw)
        version = manifest["format"]
    except (ValueError, KeyError, TypeError):
        raise CorruptGenerationError(what, f"{name_of(publication)} is no manifest") from None
    if version not in _READ:
        raise FormatError(what, FORMAT, version)
    return manifest


def entries(said: Any) -> Iterator[dict[str, Any]]:
    """Every entry of a blob in a manifest, wherever it stands."""
    if isinstance(said, dict):
        if _is_entry(said):
            yield said
        for value in said.values():
            yield from entries(value)
    elif isinstance(said, list):
        for value in said:
            yield from entries(value)


def unplaced(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry to be carried, without the path that manifests of format 2 have."""
    return {name: said for name, said in entry.items() if name != "path"}


def blobs_of(manifest: Mapping[str, Any]) -> Iterator[Blob]:
    """Every blob that a manifest names."""
    return map(Blob.of, entries(manifest))


def _is_entry(said: dict[str, Any]) -> bool:
    # what users name (views, features) are keys too: two of them may be called so, but they do not hold this
    sha256, size = said.get("sha256"), said.get("bytes")
    return isinstance(sha256, str) and len(sha256) == _HEX_DIGITS and isinstance(size, int)


_HEX_DIGITS = 64
