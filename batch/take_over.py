"""Generations of earlier releases: folders with a number become blobs and manifests, once, where they are found.

Until then a home had ``generations/<number>``, with a ``manifest.json`` of format 2 that names the files in it by
paths, and ``rows``, whose files such manifests name from the home on. Their bytes stay what they are: each file becomes
a blob (in a folder by a link), and the manifest gets its new name byte by byte, so that its sha256 is still the one
that the log has. Killed at any step, it goes on from there: what it makes is made once, and nothing is removed before
all is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from batch.manifest import entries, name_of
from eventlog.decisions import Publication
from eventlog.store import Store
from eventlog.store.blobs import Blob

_FORMAT = 2
_MANIFEST = "manifest.json"
_ROWS = "rows"


def is_needed(home: Path) -> bool:
    """Whether there is anything in a home to take over."""
    return bool(_folders(home))


def steps(home: Path, store: Store, known: Sequence[Publication]) -> Iterator[str]:
    """Take over what is in a home, step by step; yields what was done, after it was.

    Parameters
    ----------
    known
        All publications. What none of them announced, a run left that was killed, and goes.

    Raises
    ------
    StoreUnavailableError
        If the store cannot be written to now.
    OSError
        If a file cannot be removed.
    """
    old = _folders(home)
    for publication in known:
        raw = _manifest(home, publication)
        if raw is None:
            continue
        for entry in entries(orjson.loads(raw)):
            if _put(store, _place(home, publication.generation, entry), Blob.of(entry)):
                yield f"{entry['path']} of generation {publication.generation}"
        if store.create(name_of(publication), raw):
            yield f"generation {publication.generation}"
    for folder in old:
        for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder stands behind it
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            yield f"removed {path.relative_to(home)}"
        folder.rmdir()
        yield f"removed {folder.relative_to(home)}"


def _folders(home: Path) -> list[Path]:
    """What earlier releases made; manifests in the same folder are files."""
    generations = home / "generations"
    found = [path for path in sorted(generations.iterdir()) if path.is_dir()] if generations.is_dir() else []
    return [*found, home / _ROWS] if (home / _ROWS).is_dir() else found


def _manifest(home: Path, publication: Publication) -> bytes | None:
    """The manifest that a publication announced, if it is there and has paths."""
    try:
        raw = (home / "generations" / str(publication.generation) / _MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if hashlib.sha256(raw).hexdigest() != publication.manifest_sha256:
        return None  # it is damaged, or another of the same number took its place
    return raw if orjson.loads(raw)["format"] == _FORMAT else None


def _place(home: Path, generation: int, entry: dict[str, Any]) -> Path:
    path: str = entry["path"]
    return home / path if path.startswith(f"{_ROWS}/") else home / "generations" / str(generation) / path


def _put(store: Store, path: Path, blob: Blob) -> bool:
    """Give a file its name in the store. Its bytes are held against that when somebody reads it, as those of any blob.

    One that is missing, or has another size, is left out: whoever needs it is told that the blob is missing.
    """
    if store.stat(blob.name) is not None or not path.is_file() or path.stat().st_size != blob.bytes:
        return False
    return store.create(blob.name, path)
