"""Which files of the lake this process has checked: each once, before anything is made of what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import ArrowException

from eventlog.errors import LakeDamagedError
from eventlog.lake.data_file import DataFile
from eventlog.store.blobs import Blobs
from eventlog.store.errors import BlobDamagedError, StoreUnavailableError

_THREADS = max(min((os.cpu_count() or 1) // 2, 4), 1)
"""Hashing lets go of Python's lock; more than this the disk seldom gives."""
_DOWNLOADS = 8
"""At a time, from a store that is no folder: each waits most of its time."""
Signature = tuple[int, int, int, int]


class FileChecks:
    """Checks files, and remembers which were sound. One that was written to since is checked again.

    A disk that alters a file behind the file system's back is found out by the next process: every batch run is one.
    Safe to use from many threads.

    Parameters
    ----------
    blobs
        Where the files are.
    """

    def __init__(self, blobs: Blobs):
        self.blobs = blobs
        self.in_folder = blobs.store.path("") is not None
        self._counted: dict[str, Signature] = {}
        """Those without a digest, of an earlier release."""
        self._begin: Callable[[DataFile], None] | None = None
        """What begins to check a file, within `meanwhile`."""

    def local(self, files: Collection[DataFile]) -> list[Path]:
        """Where files are on this machine; those that were not checked yet are, every byte, or begin to be.

        They begin to be within `meanwhile`, and where the store is a folder. What lies elsewhere is fetched, and
        checked on the way.

        Raises
        ------
        LakeDamagedError
            For the first that is not the file that was written.
        StoreUnavailableError
            If the store cannot be asked now.
        """
        waiting = [file for file in files if not self._is_sound(file)]
        if self._begin is not None and self.in_folder:
            for file in waiting:
                self.check_size(file)
                self._begin(file)
        elif len(waiting) > 1:
            with ThreadPoolExecutor(_THREADS if self.in_folder else _DOWNLOADS) as threads:
                list(threads.map(self.check, waiting))
        elif waiting:
            self.check(waiting[0])
        # a folder's were just looked at; of a cache what was dropped since is fetched again
        return [self._path(file) if self.in_folder else self.check(file) for file in files]

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Check files while work goes on that reads them already, and is worth nothing if one is damaged.

        At the end every check has come to its own. What the work itself raised is told only if the files are sound.

        Raises
        ------
        LakeDamagedError
            At the end, for a file that is not the one that was written.
        """
        checks: dict[str, Future[Path]] = {}
        threads = ThreadPoolExecutor(_THREADS)

        def begin(file: DataFile) -> None:
            if file.name not in checks:
                checks[file.name] = threads.submit(self.check, file)

        self._begin = begin
        try:
            try:
                yield
            except Exception as error:
                for check in checks.values():
                    damage = check.exception()
                    if isinstance(damage, LakeDamagedError):
                        raise damage from error
                raise
            for check in checks.values():
                check.result()
        finally:
            self._begin = None
            threads.shutdown(cancel_futures=True)

    def check(self, file: DataFile) -> Path:
        """Hold a file against what is known of it, every byte, unless that was done; returns where it is.

        One of an earlier release has no digest: its length and its count must be what was written down.

        Raises
        ------
        LakeDamagedError
            If it is not the file that was written.
        """
        if file.sha256 is None:
            return self._count(file)
        try:
            return self.blobs.fetch(file.blob)
        except BlobDamagedError as error:
            raise self.damaged(file, error.problem) from error
        except StoreUnavailableError as error:
            if self.in_folder:  # a disk that cannot read it will not be able to in a moment
                raise self.damaged(file, f"cannot be read ({error.__cause__})") from error
            raise

    def check_size(self, file: DataFile) -> None:
        """Hold its length against what is known of it: a glance, which finds what is missing, cut or empty."""
        try:
            found = self.blobs.store.stat(file.name)
        except StoreUnavailableError as error:
            if self.in_folder:
                raise self.damaged(file, f"cannot be read ({error.__cause__})") from error
            raise
        self.compare_size(file, None if found is None else found.bytes)

    def compare_size(self, file: DataFile, found: int | None) -> None:
        """Hold a length against what is known of a file; None: it is not there."""
        if found is None:
            raise self.damaged(file, "is missing")
        if found != file.bytes:
            raise self.damaged(file, f"has {found:,} bytes instead of {file.bytes:,}")

    def damaged(self, file: DataFile, problem: str) -> LakeDamagedError:
        """The error that tells of a file, which `problem`."""
        return LakeDamagedError(self.place(file.name), problem, file.stream, file.first, file.end)

    def place(self, name: str) -> Path | str:
        """Where a name of the store is, for people."""
        return self.blobs.store.path(name) or f"{self.blobs.store.url}/{name}"

    def _count(self, file: DataFile) -> Path:
        if not self.in_folder:
            raise self.damaged(file, "has no digest: run a batch run over it in a folder, and copy it again")
        path = self._path(file)
        before = _signature(path)
        self.check_size(file)
        try:
            held = pq.read_metadata(path).num_rows
        except (OSError, ArrowException) as error:
            raise self.damaged(file, f"cannot be read ({error})") from error
        if file.records is not None and held != file.records:
            raise self.damaged(file, f"holds {held:,} records instead of {file.records:,}")
        if before is not None:
            self._counted[file.name] = before
        return path

    def _is_sound(self, file: DataFile) -> bool:
        if file.sha256 is not None:
            return self.blobs.checked(file.blob) is not None
        known = self._counted.get(file.name)
        return known is not None and known == _signature(self._path(file))

    def _path(self, file: DataFile) -> Path:
        path = self.blobs.store.path(file.name)
        assert path is not None
        return path


def _signature(path: Path) -> Signature | None:
    """What changes when a file is replaced or written to; None: it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
