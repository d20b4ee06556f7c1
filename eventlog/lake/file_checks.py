"""Which files of the lake this process has checked: each once, before anybody reads it."""

from __future__ import annotations

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from eventlog.lake.data_file import DataFile

_THREADS = 4
"""Hashing lets go of Python's lock; more than this the disk seldom gives."""
Signature = tuple[int, int, int, int]


class FileChecks:
    """Checks files, and remembers which were sound. One that was written to since is checked again.

    A disk that alters a file behind the file system's back is found out by the next process: every batch run is one.
    Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._sound: dict[str, Signature] = {}

    def check(self, files: Collection[DataFile]) -> None:
        """Check those that were not checked yet, every byte of them.

        Raises
        ------
        LakeDamagedError
            For the first that is not the file that was written.
        """
        waiting = [file for file in files if not self._is_sound(file)]
        if len(waiting) > 1:
            with ThreadPoolExecutor(min(_THREADS, len(waiting), os.cpu_count() or 1)) as threads:
                list(threads.map(self._check, waiting))
        elif waiting:
            self._check(waiting[0])

    def _check(self, file: DataFile) -> None:
        before = _signature(file)
        file.check()
        if before is not None:
            self._sound[str(file.path)] = before

    def _is_sound(self, file: DataFile) -> bool:
        known = self._sound.get(str(file.path))
        return known is not None and known == _signature(file)


def _signature(file: DataFile) -> Signature | None:
    """What changes when a file is replaced or written to; None: it is not there."""
    try:
        found = os.stat(file.path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
