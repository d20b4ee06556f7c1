"""The manifest of a generation, and making its files durable."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from batch.generation import FORMAT, MANIFEST
from eventlog.durable_files import put_file, sync_folder


def file_entry(folder: Path, path: Path) -> dict[str, Any]:
    """What a manifest says of a file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"path": path.relative_to(folder).as_posix(), "bytes": os.fstat(file.fileno()).st_size, "sha256": sha256}


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Write ``manifest.json``, and make it and the names of all files durable. Returns its sha256.

    The manifest holds ``format``, ``generation``, ``run``, ``app``, ``cut``, ``previous`` (the number of the
    generation that it builds on, or null), ``created``, ``version`` (of this program), ``watermarks`` (the newest event
    time by stream, microseconds; absent in manifests of earlier releases) and ``views``; there by name:
    ``fingerprint``, ``keep_us``, ``rows``, ``watermark`` (microseconds), ``failures`` (how often a function of the user
    raised) and ``files`` (``table`` and ``index``, each with ``path``, ``bytes`` and ``sha256``).

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
      with ``path`` (from the home on), ``start``, ``end``, ``rows``, ``failed``, ``bytes`` and ``sha256``; ``labels``:
      such files of a label that arrives later;
    - ``report``: ``candidates`` (``loss`` or ``error`` by name), ``skew`` (``checked``, ``unequal``, ``examples``) and
      ``failed`` (``count``, ``examples`` of ``position`` and ``reason``).
    """
    raw = orjson.dumps({"format": FORMAT, **manifest}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    put_file(folder / MANIFEST, raw)
    for directory in (folder / "views", folder / "models"):
        sync_folder(directory)
    return hashlib.sha256(raw).hexdigest()
