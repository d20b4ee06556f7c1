"""Files that are there whole or not at all, and still there after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def put_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put a file in its place in one step: who has the old one open goes on reading that, and nobody reads half of one.

    Parameters
    ----------
    durable
        False: after a power cut it may be the old one or none.
    """
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make what another library has written into a file durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; a folder that is not there has none."""
    if os.name == "nt" or not folder.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
