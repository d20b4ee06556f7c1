"""Where a store is, said so that a worker in another process, or on another machine, can open it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eventlog.store.blobs import Blobs
from eventlog.store.cache import CACHE_BYTES
from eventlog.store.opening import open_store


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A store and a folder for what is fetched from it; travels with the tasks of a batch run.

    Attributes
    ----------
    url
        See `Store.url`.
    cache, cache_bytes
        The folder of the process that sent it, and its bound. A worker whose environment says others takes those, and
        one that cannot make the folder uses a temporary one.
    """

    url: str
    cache: str
    cache_bytes: int = CACHE_BYTES

    @classmethod
    def of(cls, blobs: Blobs) -> StoreAddress:
        """Where some blobs are."""
        return cls(blobs.store.url, str(blobs.cache.absolute()), blobs.cache_bytes)

    def opened(self) -> Blobs:
        """The blobs, opened once in each process."""
        return _opened(self)


@cache
def _opened(address: StoreAddress) -> Blobs:
    own_bound = os.environ.get("ANABRANCH_CACHE_BYTES")
    bound = int(own_bound) if own_bound else address.cache_bytes
    return Blobs(open_store(address.url), _folder(address.cache), bound)


def _folder(wanted: str) -> Path:
    home = os.environ.get("ANABRANCH_HOME")
    folder = Path(home) / "cache" if home else Path(wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # the sender's home does not lie here
        return Path(tempfile.mkdtemp(prefix="anabranch-cache-"))
    return folder
