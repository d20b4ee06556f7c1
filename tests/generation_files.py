"""Where the files of a generation lie in a home that is its own store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from eventlog.store.blobs import Blob


def manifest_of(home: Path, number: int) -> Path:
    """The manifest of a generation; there must be one only."""
    (path,) = (home / "generations").glob(f"{number:08d}-*.json")
    return path


def said_of(home: Path, number: int) -> Any:
    """What the manifest says."""
    return orjson.loads(manifest_of(home, number).read_bytes())


def file_of(home: Path, entry: dict[str, Any]) -> Path:
    """A file, from what a manifest says of it."""
    return home / Blob.of(entry).name


def view_file(home: Path, number: int, view: str, kind: str = "index") -> Path:
    """The newest table or index of a view."""
    return file_of(home, said_of(home, number)["views"][view]["layers"][0][kind])
