"""Files that are known by their sha256: put into a store once, and handed out only after they were held against it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import Any, Self
from uuid import uuid4
from weakref import WeakValueDictionary

from eventlog.store.cache import CACHE_BYTES, Cache
from eventlog.store.errors import BlobDamagedError, StoreMissingError, StoreUnavailableError
from eventlog.store.store import BLOBS, Store

Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Blob:
    """An immutable file of the store.

    Attributes
    ----------
    sha256, bytes
        Its digest and length.
    name
        What it is called in the store.
    """

    sha256: str
    bytes: int
    name: str

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Self:
        """From what a manifest says of it."""
        return cls(entry["sha256"], entry["bytes"], entry.get("name", f"{BLOBS}/{entry['sha256']}"))

    def entry(self) -> dict[str, Any]:
        """What a manifest says of it; its name only if that is not the usual one."""
        said: dict[str, Any] = {"bytes": self.bytes, "sha256": self.sha256}
        return said if self.name == f"{BLOBS}/{self.sha256}" else {**said, "name": self.name}


class Blobs:
    """The blobs of a store, as files of this machine. Safe to use from many threads and processes.

    Parameters
    ----------
    store
        Where they are.
    cache, cache_bytes
        The folder for what was fetched from a store that is no folder, and how much is kept there; see `Cache`.

    Attributes
    ----------
    store, cache, cache_bytes
        As given.
    """

    def __init__(self, store: Store, cache: Path, cache_bytes: int = CACHE_BYTES):
        self.store = store
        self.cache = cache
        self.cache_bytes = cache_bytes
        self._copies = Cache(cache, cache_bytes)
        self._sound: dict[str, Signature] = {}
        self._lock = Lock()
        self._fetching: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def put(self, file: Path, *, durable: bool = True) -> Blob:
        """Put a file, which nobody changes afterwards, into the store under its sha256.

        Where that name is taken, what it has is held against the file: something else, as a disk may make of it, is
        left alone, and the file gets a name that nobody had.

        Raises
        ------
        StoreUnavailableError
            If it could not be written.
        """
        sha256, size = digest_of(file)
        blob = Blob(sha256, size, f"{BLOBS}/{sha256}")
        if self.store.create(blob.name, file, durable=durable) or self._is_sound(blob):
            return blob
        return self._under_a_new_name(blob, file, durable)

    def renamed(self, blob: Blob) -> Blob:
        """The same content under a name that nobody had, beside the one that it has; raises as `fetch` does."""
        return self._under_a_new_name(blob, self.fetch(blob), durable=True)

    def _under_a_new_name(self, blob: Blob, file: Path, durable: bool) -> Blob:
        new = replace(blob, name=f"{BLOBS}/{blob.sha256}.{uuid4().hex[:12]}")
        self.store.create(new.name, file, durable=durable)
        return new

    def _is_sound(self, blob: Blob) -> bool:
        """Whether the store itself, whatever is in the cache, has the content of a blob."""
        path = self.store.path(blob.name)
        try:
            if path is not None:
                self._check(blob, path)
            else:
                # a bucket checks what it keeps; what it can have is what another wrote
                found = self.store.stat(blob.name)
                return found is not None and found.bytes == blob.bytes
        except BlobDamagedError:
            return False
        return True

    def fetch(self, blob: Blob) -> Path:
        """The file of a blob on this machine, every byte of which was held against its sha256 by this process.

        Where the store is a folder it is the file itself; else a copy in the cache, which may be dropped when nobody
        has it open: ask again for each use.

        Raises
        ------
        BlobDamagedError
            If it is missing or not what was put; that does not pass by itself.
        StoreUnavailableError
            If the store cannot be asked now.
        """
        known = self.checked(blob)
        if known is not None:
            return known
        path = self.store.path(blob.name)
        if path is not None:
            self._check(blob, path)
            return path
        with self._lock:
            fetching = self._fetching.setdefault(blob.sha256, Lock())
        with fetching:  # of the threads that want one blob one fetches and checks it; other blobs wait for nobody
            try:
                return self._copy(blob)
            except StoreMissingError:
                raise BlobDamagedError(self.store.url, blob.name, "is missing") from None
            except OSError as error:  # no room in the cache, say
                raise StoreUnavailableError(self.store.url, blob.name, error) from error

    def pin(self, owner: str, blobs: Iterable[Blob], *, lasting: bool = False) -> None:
        """Have the files of blobs stay where `fetch` puts them, until this owner names others; see `Cache.pin`."""
        if self.store.path("") is None:
            self._copies.pin(owner, (blob.sha256 for blob in blobs), lasting=lasting)

    def checked(self, blob: Blob) -> Path | None:
        """The file of a blob, if this process has held it against its sha256 and nobody wrote to it since."""
        path = self.store.path(blob.name) or self._copies.find(blob.sha256)
        try:
            sound = path is not None and self._sound.get(blob.name) == _signature(os.stat(path))
            return path if sound else None
        except OSError:
            return None

    def _copy(self, blob: Blob) -> Path:
        """The copy of a blob in the cache, fetched if it is not there or not what it should be."""
        path = self._copies.find(blob.sha256)
        if path is not None:
            try:
                self._check(blob, path)
            except BlobDamagedError:  # by a disk or a power cut; the store has it still
                self._copies.drop(blob.sha256)
            else:
                return path
        try:
            return self._downloaded(blob)
        except BlobDamagedError:  # on its way, perhaps
            return self._downloaded(blob)

    def _downloaded(self, blob: Blob) -> Path:
        with self._copies.writing(blob.sha256) as written:
            self.store.download(blob.name, written)
            with written.open("rb") as file:
                self._hold(blob, file)
                path = self._copies.keep(blob.sha256, written)
                self._sound[blob.name] = _signature(os.fstat(file.fileno()))  # of this file, whatever has its name now
            return path

    def _check(self, blob: Blob, path: Path) -> None:
        """Hold a file against its blob, unless this process has done so and nobody wrote to it since."""
        try:
            with path.open("rb") as file:
                signature = _signature(os.fstat(file.fileno()))
                if self._sound.get(blob.name) != signature:
                    self._hold(blob, file)
                    self._sound[blob.name] = signature
        except FileNotFoundError:
            raise BlobDamagedError(self.store.url, blob.name, "is missing") from None
        except OSError as error:
            raise StoreUnavailableError(self.store.url, blob.name, error) from error

    def _hold(self, blob: Blob, file: BufferedReader) -> None:
        """Hold a file against its blob; raises `BlobDamagedError`."""
        size = os.fstat(file.fileno()).st_size
        if size != blob.bytes:
            raise BlobDamagedError(self.store.url, blob.name, f"has {size} bytes instead of {blob.bytes}")
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != blob.sha256:
            raise BlobDamagedError(self.store.url, blob.name, f"has the sha256 {sha256} instead of {blob.sha256}")


def _signature(found: os.stat_result) -> Signature:
    """What changes when a file is replaced or written to."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def digest_of(path: Path) -> tuple[str, int]:
    """The sha256 and the length of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
