"""Files that are known by their sha256: put into a store once, and handed out only after they were held against it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Self
from uuid import uuid4

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
    cache
        The folder for what was fetched from a store that is no folder.
    """

    def __init__(self, store: Store, cache: Path):
        self.store = store
        self.cache = cache
        self._sound: dict[str, Signature] = {}
        self._lock = Lock()

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
        path = self.store.path(blob.name)
        if path is None:
            path = self.cache / blob.sha256
            if not path.exists():
                self._download(blob, path)
        self._check(blob, path)
        return path

    def checked(self, blob: Blob) -> Path | None:
        """The file of a blob, if this process has held it against its sha256 and nobody wrote to it since."""
        path = self.store.path(blob.name) or self.cache / blob.sha256
        try:
            return path if self._sound.get(blob.name) == _signature(os.stat(path)) else None
        except OSError:
            return None

    def _download(self, blob: Blob, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex}.part")
        try:
            self.store.download(blob.name, beside)
            self._check(blob, beside)
            beside.replace(path)
        except StoreMissingError:
            raise BlobDamagedError(self.store.url, blob.name, "is missing") from None
        finally:
            beside.unlink(missing_ok=True)

    def _check(self, blob: Blob, path: Path) -> None:
        try:
            found = os.stat(path)
            signature = _signature(found)
            if self._sound.get(blob.name) == signature:
                return
            if found.st_size != blob.bytes:
                raise BlobDamagedError(self.store.url, blob.name, f"has {found.st_size} bytes instead of {blob.bytes}")
            sha256, _ = digest_of(path)
        except FileNotFoundError:
            raise BlobDamagedError(self.store.url, blob.name, "is missing") from None
        except OSError as error:
            raise StoreUnavailableError(self.store.url, blob.name, error) from error
        if sha256 != blob.sha256:
            raise BlobDamagedError(self.store.url, blob.name, f"has the sha256 {sha256} instead of {blob.sha256}")
        with self._lock:
            self._sound[blob.name] = signature


def _signature(found: os.stat_result) -> Signature:
    """What changes when a file is replaced or written to."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def digest_of(path: Path) -> tuple[str, int]:
    """The sha256 and the length of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
