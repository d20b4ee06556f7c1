"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path

from eventlog.store.bucket_url import BucketUrl
from eventlog.store.folder_store import FolderStore
from eventlog.store.store import Store


def open_store(url: str | Path) -> Store:
    """The store at a URL, or in the folder of a path. Nothing is made, and nobody is asked yet.

    Raises
    ------
    ValueError
        If it is no such URL, or the environment lacks what its library needs.
    """
    text = str(url)
    if "://" not in text:
        return FolderStore(Path(text))
    bucket = BucketUrl.of(text)
    from eventlog.store.object_store import ObjectStore  # large, and a folder does without

    return ObjectStore(bucket)
